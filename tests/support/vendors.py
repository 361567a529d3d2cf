"""A module's tests on both databases that the gateway runs on: SQLite, and PostgreSQL."""

import pytest

from tests.support import database

__all__ = ["on_a_vendor", "vendors"]


def vendors(**scope):
    """Return a fixture of a module whose tests run on SQLite, and again on PostgreSQL."""
    both = ["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))]
    return pytest.fixture(scope="module", params=both, name="vendor", **scope)(on_a_vendor)


def on_a_vendor(request, django_db_setup, django_db_blocker, tmp_path_factory):
    """The database that a whole module runs on: SQLite in memory, or PostgreSQL."""
    if request.param == "sqlite":
        yield "sqlite"
        return
    server = request.getfixturevalue("postgres").url
    folder = tmp_path_factory.mktemp("data")
    with (
        django_db_blocker.unblock(),
        database.postgres_database(server, folder),
        django_db_blocker.block(),
    ):
        yield "postgres"


@pytest.fixture
def shared_database(vendor, request, tmp_path, django_db_blocker):
    """A database that threads and processes share; the environment that leads processes to it."""
    with django_db_blocker.unblock():
        if vendor == "sqlite":
            own = database.file_database(tmp_path / "shared.sqlite3")
        else:
            own = database.postgres_database(request.getfixturevalue("postgres").url, tmp_path)
        with own as environment:
            yield environment
