"""The answer of a search that a worker has carried out, as one that was carried out at once."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from esap.errors import NotFound
from esap.jobs.models import Job
from esap.results.reading import facts, rows
from esap.results.storage import find
from esap.tables.stream import TableStream
from query.federation import Columns, Rows
from query.searches import outcomes_of
from query.storing import MERGED, result_name
from query.wire import Said, say

__all__ = ["kept_events", "kept_table"]


def kept_table(job: Job) -> tuple[TableStream, Mapping[str, Any]]:
    """Return all rows of a search, and the summary of what happened at the archives."""
    stored = find(job.pk, MERGED)
    summary = {key: value for key, value in facts(stored).items() if key != "overflow"}
    return rows(stored), summary


def kept_events(job: Job) -> Iterator[Said]:
    """Yield what was said of a search, with all the rows, one dataset after another."""
    told = dict(job.events.filter(name__in=["search", "end"]).values_list("name", "data"))
    yield "search", orjson.dumps(told["search"])
    for outcome in outcomes_of(job):
        yield from _rows_of(job, outcome)
        yield "archive", orjson.dumps(outcome)
    yield "end", orjson.dumps(told["end"])


def _rows_of(job: Job, outcome: Mapping[str, Any]) -> Iterator[Said]:
    origin = outcome["archive"], outcome["dataset"]
    try:
        table = rows(find(job.pk, result_name(*origin)))
    except NotFound:
        return  # It failed before its first row.
    yield say(Columns(0, *origin, table.schema))
    for batch in table:
        yield say(Rows(0, *origin, batch))
