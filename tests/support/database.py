"""Databases of their own, for tests whose threads share one; and all that is in one."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, connections

from esap.jobs.leases import keeper

Rows = list[tuple[object, ...]]


def everything() -> dict[str, Rows]:
    """Return all rows of all tables: equal before and after, nothing has happened."""
    with connection.cursor() as cursor:
        return {table: _rows(cursor, table) for table in connection.introspection.table_names()}


def _rows(cursor: Any, table: str) -> Rows:
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our tables
    return sorted(cursor.fetchall(), key=repr)


Environment = dict[str, str]

_numbers = count(1)


@contextmanager
def file_database(file: Path) -> Iterator[Environment]:
    """Work on an SQLite file, with its tables made; yield the environment for other processes."""
    shutil.copy(_made_file(), file)
    with database_at(f"sqlite:///{file}", data=file.parent) as environment:
        yield environment


@contextmanager
def postgres_database(server: str, data: Path) -> Iterator[Environment]:
    """Work on a database of its own on a PostgreSQL server, with its tables made."""
    with database_at(new_postgres(server), data=data) as environment:
        yield environment


@contextmanager
def database_at(url: str, *, data: Path) -> Iterator[Environment]:
    """Work on this database; yield the environment for other processes, with this data folder."""
    with _default_is(_settings_of(url)):
        yield {
            **os.environ,
            "DATABASE_URL": url,
            "ESAP_DATA_DIR": str(data),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }


def new_postgres(server: str) -> str:
    """Make a database with all tables, from a template that is made once; return its URL."""
    return _copied(server, _made_template(server))


def _copied(server: str, template: str) -> str:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"{_libpq(server)}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{server}/{name}"


@cache
def _made_template(server: str) -> str:
    url = _copied(server, "template0")
    with _default_is(_settings_of(url)):
        call_command("migrate", verbosity=0)
    return url.rpartition("/")[2]


@cache
def _made_file() -> Path:
    file = Path(tempfile.mkdtemp(prefix="esap-tests-")) / "made.sqlite3"
    with _default_is(_settings_of(f"sqlite:///{file}")):
        call_command("migrate", verbosity=0)
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def _settings_of(url: str) -> dict[str, Any]:
    # Threads that outlive a test must not stay with its database.
    own = {**dj_database_url.parse(url), "CONN_MAX_AGE": 0, "OPTIONS": {}}
    if url.startswith("sqlite"):
        own["OPTIONS"] = settings.DATABASES["default"]["OPTIONS"]
    return own


def _libpq(server: str) -> str:
    return server.replace("postgres://", "postgresql://", 1)


@contextmanager
def _default_is(own: dict[str, Any]) -> Iterator[None]:
    before, known = connections["default"], connections.settings["default"]
    kept = dict(known)
    known.update(own)
    connections["default"] = connections.create_connection("default")
    ContentType.objects.clear_cache()  # Their numbers differ from database to database.
    keeper.reset()  # Its thread would look for our jobs in the database that it knows.
    try:
        yield
    finally:
        keeper.reset()
        ContentType.objects.clear_cache()
        connections["default"].close()
        connections["default"] = before
        known.clear()
        known.update(kept)
