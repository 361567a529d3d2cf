"""One reader of the event table for all who listen, however many they are."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

import structlog
from django.db import Error as DatabaseTrouble
from django.db import connection

from esap.jobs.models import Event, Job

__all__ = ["Feed", "Listener", "Told", "read_events"]

logger = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
MOST_READ = 64
MOST_WAITING = 16
# Two parameters each; SQLite takes 32,766 in a statement, PostgreSQL 65,535.
MOST_JOBS_PER_QUERY = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way to listeners; `data` is JSON as it is stored."""

    id: int
    job_id: UUID
    name: str
    data: str


class Listener:
    """One who listens to one job, having heard everything up to `cursor`."""

    def __init__(self, job_id: UUID, after: int, wake: Callable[[], None]) -> None:
        self.job_id = job_id
        self.cursor = after
        self._wake = wake
        self._waiting: deque[Told] = deque()
        self._held_back = False
        self._over = False
        self._ready = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether events may be read for it: a slow listener's wait in the database."""
        return len(self._waiting) < MOST_WAITING

    def tell(self, event: Told) -> None:
        """Hand over an event, unless it was heard before or must wait."""
        if event.id <= self.cursor:
            return
        if not self.has_room:
            self._held_back = True
        if self._held_back:
            return
        self.cursor = event.id
        self._waiting.append(event)
        self._ready.set()

    def end(self) -> None:
        """Let go of the listener, who may come back and resume."""
        self._over = True
        self._ready.set()

    async def next(self) -> Told | None:
        """Wait for the next event; None when the feed has ended."""
        while not self._waiting:
            if self._over:
                return None
            self._ready.clear()
            if self._held_back:
                self._held_back = False
                self._wake()
            await self._ready.wait()
        return self._waiting.popleft()


Read = Callable[[Mapping[UUID, int]], Sequence[Told]]


def read_events(cursors: Mapping[UUID, int]) -> list[Told]:
    """Return events of some jobs, each from its own point on; not necessarily all there are.

    A point per job and not one for all: ids of different jobs may become visible out of order.
    Written as SQL: for 500 jobs the ORM takes some fifteen times the CPU to phrase it.
    """
    rest = iter(cursors.items())
    found: list[Told] = []
    while some := list(islice(rest, MOST_JOBS_PER_QUERY)):
        found += _read_some(some)
    return found


def _read_some(cursors: Sequence[tuple[UUID, int]]) -> list[Told]:
    key = Job._meta.pk  # noqa: SLF001 - public in all but name: Django documents Model._meta
    table = connection.ops.quote_name(Event._meta.db_table)  # noqa: SLF001
    heard = ", ".join([f"(CAST(%s AS {key.db_type(connection)}), %s)"] * len(cursors))
    sql = f"""
        WITH heard (job_id, cursor) AS (VALUES {heard})
        SELECT event.id, event.job_id, event.name, CAST(event.data AS text)
        FROM heard JOIN {table} AS event
        ON event.job_id = heard.job_id AND event.id > heard.cursor
        ORDER BY event.id LIMIT {MOST_READ}
    """  # noqa: S608 - only names and placeholders are put in
    params = [
        value
        for job_id, after in cursors
        for value in (key.get_db_prep_value(job_id, connection), after)
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [Told(row[0], key.to_python(row[1]), *row[2:]) for row in cursor.fetchall()]


class Feed:
    """Reads new events for all listeners, in one thread, while there are any."""

    def __init__(self, read: Read = read_events, *, seconds: float = POLL_SECONDS) -> None:
        self._read = read
        self._seconds = seconds
        self._listeners: set[Listener] = set()
        self._reading: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="event feed")

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self, job_id: UUID, *, after: int = 0) -> Iterator[Listener]:
        """Listen to a job's events after the one with this id, as long as the context lasts."""
        listener = Listener(job_id, after, self._woken.set)
        self._listeners.add(listener)
        self._woken.set()
        if self._reading is None:
            self._reading = asyncio.create_task(self._keep_reading())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def _keep_reading(self) -> None:
        try:
            while self._listeners:
                self._woken.clear()
                if not await self._read_once():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), self._seconds)
        finally:
            # Normally nobody is left. After a bug, all are sent away to come back and resume.
            self._reading = None
            for listener in self._listeners:
                listener.end()

    async def _read_once(self) -> bool:
        """Read and hand out what is new; return whether there may be more at once."""
        cursors: dict[UUID, int] = {}
        for listener in self._listeners:
            if listener.has_room:
                known = cursors.get(listener.job_id, listener.cursor)
                cursors[listener.job_id] = min(known, listener.cursor)
        if not cursors:
            return False
        loop = asyncio.get_running_loop()
        try:
            events = await loop.run_in_executor(self._thread, _safely, self._read, cursors)
        except DatabaseTrouble as trouble:
            logger.warning("events cannot be read just now", because=str(trouble))
            return False
        told: dict[UUID, list[Listener]] = {}
        for listener in self._listeners:
            told.setdefault(listener.job_id, []).append(listener)
        for event in events:
            for listener in told.get(event.job_id, ()):
                listener.tell(event)
        return len(events) >= MOST_READ


def _safely(read: Read, cursors: Mapping[UUID, int]) -> Sequence[Told]:
    """Read with a connection of this thread; after trouble, with a new one next time."""
    try:
        return read(cursors)
    except DatabaseTrouble:
        connection.close()
        raise
