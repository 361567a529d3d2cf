"""One reader of the event table for all who listen, however many they are."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import structlog
from django.db import Error as DatabaseTrouble
from django.db import connection

from esap.events.reading import Cursors, Reader, Reading, Told, Topic

__all__ = ["Feed", "Listener"]

logger = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
MOST_WAITING = 16

Read = Callable[[Cursors], Reading]


class Listener:
    """One who listens to a topic, having heard everything up to `cursor`; None is from now on."""

    def __init__(self, topic: Topic, after: int | None, wake: Callable[[], None]) -> None:
        self.topic = topic
        self.cursor = after
        self._wake = wake
        self._waiting: deque[Told] = deque()
        self._held_back = False
        self._over = False
        self._ready = asyncio.Event()
        self._begun = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether events may be read for it: a slow listener's wait in the database."""
        return len(self._waiting) < MOST_WAITING

    def hold_back(self) -> None:
        """Let events wait in the database, until those in memory are heard."""
        self._held_back = True

    def tell(self, event: Told) -> None:
        """Hand over an event, unless it was heard before or must wait."""
        if self.cursor is None or event.id <= self.cursor:
            return
        if not self.has_room:
            self.hold_back()
        if self._held_back:
            return
        self.cursor = event.id
        self._waiting.append(event)
        self._ready.set()

    def reached(self, event_id: int, horizon: int) -> None:
        """Note that there is nothing else to tell up to this event; "now" is the horizon."""
        if self.cursor is None:
            self.cursor = horizon
        elif not self._held_back:
            self.cursor = max(self.cursor, event_id)
        self._begun.set()

    def end(self) -> None:
        """Let go of the listener, who may come back and resume."""
        self._over = True
        self._ready.set()
        self._begun.set()

    async def begin(self) -> int | None:
        """Wait until it is known what "from now on" is; return that, or None at the feed's end."""
        if self.cursor is None:
            await self._begun.wait()
        return self.cursor

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


class Feed:
    """Reads new events for all listeners, in one thread, while there are any."""

    def __init__(self, read: Read | None = None, *, seconds: float = POLL_SECONDS) -> None:
        self._read = read or Reader()
        self._seconds = seconds
        self._listeners: set[Listener] = set()
        self._reading: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="event feed")

    def __len__(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self, topic: Topic, *, after: int | None = 0) -> Iterator[Listener]:
        """Listen to what comes after the event with this id, as long as the context lasts.

        None, for all jobs of a user only, is after all that there is now.
        """
        listener = Listener(topic, after, self._woken.set)
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
        """Read and hand out what is new; return whether there may be more at once.

        Only those hear it whom it was read for: who comes, or gets room, meanwhile may be behind.
        """
        told: dict[Topic, list[Listener]] = {}
        for listener in self._listeners:
            if listener.has_room:
                told.setdefault(listener.topic, []).append(listener)
            else:
                listener.hold_back()
        if not told:
            return False
        cursors = {topic: _first(listeners) for topic, listeners in told.items()}
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, _safely, self._read, cursors)
        except DatabaseTrouble as trouble:
            logger.warning("events cannot be read just now", because=str(trouble))
            return False
        for event in found.events:
            for listener in told.get(event.topic, ()):
                listener.tell(event)
        for topic, event_id in found.reached.items():
            for listener in told[topic]:
                listener.reached(event_id, found.horizon)
        return found.more


def _first(listeners: list[Listener]) -> int | None:
    """Return the point from which on all of them are told; None if all want from now on."""
    known = [listener.cursor for listener in listeners if listener.cursor is not None]
    return min(known, default=None)


def _safely(read: Read, cursors: Cursors) -> Reading:
    """Read with a connection of this thread; after trouble, with a new one next time."""
    try:
        return read(cursors)
    except DatabaseTrouble:
        connection.close()
        raise
