"""Answers that are made of all rows at once, and how much of that the gateway can hold."""

from collections.abc import Iterator
from contextlib import closing

from esap.errors import TooLarge
from query.federation import Event, Rows

__all__ = ["held"]

MOST_BYTES = 512 << 20


def held(events: Iterator[Event]) -> Iterator[Event]:
    """Pass on the events of a search to one who keeps its rows.

    Raises `TooLarge` when they are more than fit, and ends the search. Arrow counts them as they
    are in memory, so that a slice weighs as much as what it was cut from.
    """
    left = MOST_BYTES
    with closing(events):  # type: ignore[type-var]  # it is a generator
        for event in events:
            if isinstance(event, Rows):
                left -= event.batch.get_total_buffer_size()
                if left < 0:
                    raise TooLarge(
                        f"The rows of all archives take more than {MOST_BYTES >> 20} MB together. "
                        "Ask for fewer, or take them as they come (Accept: application/x-ndjson)."
                    )
            yield event
