"""A database in a file, for tests whose threads or processes share one; and all that is in one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection, connections

Rows = list[tuple[object, ...]]


def everything() -> dict[str, Rows]:
    """Return all rows of all tables: equal before and after, nothing has happened."""
    with connection.cursor() as cursor:
        return {table: _rows(cursor, table) for table in connection.introspection.table_names()}


def _rows(cursor: Any, table: str) -> Rows:
    cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - our tables
    return sorted(cursor.fetchall(), key=repr)


@contextmanager
def file_database(file: Path) -> Iterator[dict[str, str]]:
    """Work on an SQLite file, with its tables made; yield the environment for other processes."""
    before = connections["default"]
    settings = connections.settings["default"]
    kept = {key: settings[key] for key in ("NAME", "CONN_MAX_AGE")}
    # Threads that outlive a test must not stay with its file.
    settings.update(NAME=str(file), CONN_MAX_AGE=0)
    connections["default"] = connections.create_connection("default")
    try:
        call_command("migrate", verbosity=0)
        yield {
            **os.environ,
            "DATABASE_URL": f"sqlite:///{file}",
            "ESAP_DATA_DIR": str(file.parent),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }
    finally:
        connections["default"].close()
        connections["default"] = before
        settings.update(kept)
