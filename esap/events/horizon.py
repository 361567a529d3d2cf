"""Up to which event nothing more can become visible."""

from time import monotonic

import structlog
from django.db import connection

from esap.jobs.models import Event

__all__ = ["Horizon"]

logger = structlog.get_logger(__name__)

MOST_SECONDS = 30.0
"""How long an open transaction may keep events back; one that hangs must not do so for ever."""


class Horizon:
    """The id below which the event table is final.

    On PostgreSQL an id is taken before its row is committed, so a lower one may become visible
    after a higher one. All that is below an id that we see was taken by transactions that had begun
    to write by then; once the oldest writer is younger than those, they have all ended. (Whoever
    records an event has written to its job before, and so has a transaction id.) SQLite has one
    writer at a time.
    """

    def __init__(self) -> None:
        self._settled: int | None = None
        self._hoped = 0
        self._waits_for = 0
        self._since: float | None = None

    def look(self) -> int | None:
        """Look at the table; return the last final id, 0 if there is none, None if unknown yet."""
        if connection.vendor != "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT MAX(id) FROM {_table()}")  # noqa: S608 - our own table
                self._settled = cursor.fetchone()[0] or 0
            return self._settled
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT (SELECT MAX(id) FROM {_table()}), pg_snapshot_xmin(s)::text::bigint, "  # noqa: S608
                "pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"
            )
            last, oldest, following = cursor.fetchone()
        return self._seen(last or 0, oldest, following)

    def _seen(self, last: int, oldest: int, following: int) -> int | None:
        """Take note of the last id, the oldest running transaction and the next one's id."""
        if self._since is not None and oldest < self._waits_for:
            if monotonic() - self._since < MOST_SECONDS:
                return self._settled
            logger.warning("a transaction is open for long; events are told without it")
            oldest = self._waits_for
        if self._since is not None and oldest >= self._waits_for:
            self._settled, self._since = self._hoped, None
        if last != self._settled:
            self._hoped, self._waits_for, self._since = last, following, monotonic()
            if oldest >= following:
                self._settled, self._since = last, None
        return self._settled


def _table() -> str:
    return connection.ops.quote_name(Event._meta.db_table)  # noqa: SLF001 - Django documents it
