"""A database in a file, for tests whose threads or processes must share one."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management import call_command
from django.db import connections


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
