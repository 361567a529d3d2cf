"""Whether this process can serve: its own dependencies, and no peer's."""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError

from esap.celery import app
from esap.errors import NotReady

__all__ = ["check_ready"]

BROKER_SECONDS = 2


def check_ready() -> None:
    """Raise `NotReady`, naming everything that is not."""
    wrong = {name: sentence for name, check in _CHECKS.items() if (sentence := check()) is not None}
    if wrong:
        raise NotReady(" ".join(wrong.values()), not_ready=sorted(wrong))


def _database() -> str | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not answer."
    return None


class _Migrations:
    """Applied migrations stay applied, so the answer is looked up until it is good."""

    def __init__(self) -> None:
        self.applied = False

    def __call__(self) -> str | None:
        if self.applied:
            return None
        try:
            executor = MigrationExecutor(connection)
            missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return "It is not known whether the database is up to date."
        if missing:
            return f"{len(missing)} migrations are not applied: run manage.py migrate."
        self.applied = True
        return None


def _broker() -> str | None:
    """Connect anew: a pooled connection would not notice a broker that has gone."""
    options = {
        "socket_timeout": BROKER_SECONDS,
        "socket_connect_timeout": BROKER_SECONDS,
    }
    try:
        with app.connection_for_write(
            connect_timeout=BROKER_SECONDS, transport_options=options
        ) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
    except (OperationalError, OSError):
        return "The message broker does not answer."
    return None


_CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "migrations": _Migrations(),
    "broker": _broker,
}
