"""A database in a file, which the tests and the events process share."""

import pytest

from tests.support.database import file_database


@pytest.fixture
def database(tmp_path, django_db_blocker):
    """Yield the environment of processes that work on the same database."""
    with django_db_blocker.unblock(), file_database(tmp_path / "esap.sqlite3") as environment:
        yield environment
