"""Server-sent events, as the HTML standard writes them (section 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import orjson

from esap.events.feed import Feed
from esap.events.reading import JobsOf, Told
from esap.jobs.models import ENDED

__all__ = ["HEARTBEAT_SECONDS", "event_stream", "stream_of_all"]

# Proxies close connections that are silent for long; nginx after 60 s.
HEARTBEAT_SECONDS = 15.0


async def event_stream(
    feed: Feed, job_id: UUID, *, after: int, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """Yield a job's events as they happen, until the one with which it ends."""
    with feed.listen(job_id, after=after) as listener:
        yield b"retry: 1000\n\n"  # milliseconds after which a browser comes back
        while True:
            try:
                event = await asyncio.wait_for(listener.next(), heartbeat)
            except TimeoutError:
                yield b":\n\n"
                continue
            if event is None:
                return
            yield _written(event)
            if _is_last(event):
                return


async def stream_of_all(
    feed: Feed, jobs: JobsOf, *, after: int | None, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncIterator[bytes]:
    """Yield what happens to all jobs of a user, from an event on, or from now; without an end.

    Heartbeats tell an id as well, so that whoever comes back after long silence is told little
    again. An EventSource takes an id without data for that, and dispatches nothing.
    """
    with feed.listen(jobs, after=after) as listener:
        began = await listener.begin()
        if began is None:
            return
        yield f"retry: 1000\nid: {began}\n\n".encode()
        while True:
            try:
                event = await asyncio.wait_for(listener.next(), heartbeat)
            except TimeoutError:
                yield f"id: {listener.cursor}\n\n".encode()
                continue
            if event is None:
                return
            yield _written(event)


def _written(event: Told) -> bytes:
    return f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n".encode()


def _is_last(event: Told) -> bool:
    return event.name == "phase" and orjson.loads(event.data)["phase"] in ENDED
