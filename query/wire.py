"""A search as it streams: the events of NDJSON lines and of server-sent events.

`search` (what is asked of whom), `columns` (a dataset has begun to answer), `rows`, `archive` (how
a dataset ended) and `end`. Rows are arrays in the order of the columns said before.
"""

from collections.abc import Iterator
from dataclasses import replace

import orjson

from esap.tables.encoders.json_rows import rows_json
from esap.tables.encoders.jsontext import columns_member
from query.federation import Columns, Event, Outcome, Rows
from query.searches import Search, outcome_data

__all__ = ["Said", "as_line", "in_portions", "lines", "said", "say"]

PORTION = 500

Said = tuple[str, bytes]
"""The name of an event, and its data: a JSON object."""


def said(search: Search, events: Iterator[Event]) -> Iterator[Said]:
    """Yield what is said of a search, from its beginning to its end."""
    yield "search", orjson.dumps(search.beginning())
    for event in events:
        yield say(event)
    yield "end", orjson.dumps({k: v for k, v in search.summary().items() if k != "archives"})


def lines(search: Search, events: Iterator[Event]) -> Iterator[bytes]:
    """Yield NDJSON: one object a line, whose `event` names it."""
    for name, data in said(search, events):
        yield as_line(name, data)


def as_line(name: str, data: bytes) -> bytes:
    """Return what is said as a line of NDJSON."""
    return b'{"event":"%b",%b\n' % (name.encode(), data[1:])


def in_portions(events: Iterator[Event], most: int = PORTION) -> Iterator[Event]:
    """Pass events on, with the rows in portions that one stored event may hold."""
    for event in events:
        if not isinstance(event, Rows):
            yield event
            continue
        for start in range(0, event.batch.num_rows, most):
            yield replace(event, batch=event.batch.slice(start, most))


def say(event: Event) -> Said:
    """Return what is said of an event."""
    origin = orjson.dumps({"archive": event.archive, "dataset": event.dataset})[:-1]
    match event:
        case Columns():
            return "columns", b"%b,%b}" % (origin, columns_member(event.schema))
        case Rows():
            return "rows", b'%b,"rows":%b}' % (origin, rows_json(event.batch))
        case Outcome():
            return "archive", orjson.dumps(outcome_data(event))
