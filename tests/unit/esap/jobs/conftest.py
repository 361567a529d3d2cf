"""Jobs of test kinds, on SQLite and on PostgreSQL."""

import pytest

from tests.support import database
from tests.unit.esap.jobs import kinds


@pytest.fixture(
    scope="module",
    autouse=True,
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))],
)
def vendor(request, django_db_setup, django_db_blocker, tmp_path_factory):
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
            own = database.file_database(tmp_path / "jobs.sqlite3")
        else:
            own = database.postgres_database(request.getfixturevalue("postgres").url, tmp_path)
        with own as environment:
            yield environment


@pytest.fixture(autouse=True)
def test_kinds(settings):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.kinds.KINDS"]
    kinds.calls.clear()
    kinds.cluster.reset()


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user("bob")
