"""Server-sent events, as the HTML standard writes them (section 9.2)."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import orjson

from esap.events.feed import Feed, Told
from esap.jobs.models import ENDED

__all__ = ["HEARTBEAT_SECONDS", "event_stream"]

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
            yield f"id: {event.id}\nevent: {event.name}\ndata: {event.data}\n\n".encode()
            if _is_last(event):
                return


def _is_last(event: Told) -> bool:
    return event.name == "phase" and orjson.loads(event.data)["phase"] in ENDED
