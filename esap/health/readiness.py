"""Whether this process can serve: its own dependencies, and no peer's."""

from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from esap.errors import NotReady
from esap.health.broker import messages_waiting

__all__ = ["check_ready"]


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
    return "The message broker does not answer." if messages_waiting() is None else None


_CHECKS: dict[str, Callable[[], str | None]] = {
    "database": _database,
    "migrations": _Migrations(),
    "broker": _broker,
}
