"""The rows of a search on their way into stored tables: one of each dataset, and one of all."""

from collections.abc import Iterator
from contextlib import ExitStack

import pyarrow as pa

from esap.errors import NotFound
from esap.jobs.services import Result
from esap.results.listing import listed
from esap.results.reading import rows, schema_of
from esap.results.storage import Stored, find
from esap.results.writing import TableWriter, store
from query.federation import Columns, Event, Outcome, Rows
from query.merging import Part, unite
from query.searches import Search, outcome_data, problem_of

__all__ = ["MERGED", "keeping", "result_name", "results_of"]

MERGED = "merged"
"""The name of the table of all rows."""


def result_name(archive: str, dataset: str) -> str:
    """Return the name of the table of one dataset; of an expert's own query it has none."""
    return f"{archive}.{dataset or 'adql'}"


def keeping(search: Search, events: Iterator[Event]) -> Iterator[Event]:
    """Pass events on, and store their rows; after the last one, all rows in one table, too.

    A dataset's table is there once its outcome is told, with the rows that came before a failure.
    Of a dataset that answered before, the table of then stands. Raises `TooLarge`, `NotReady`.
    """
    writers: dict[int, TableWriter] = {}
    with ExitStack() as unfinished:
        for event in events:
            match event:
                case Columns():
                    name = result_name(event.archive, event.dataset)
                    writer = TableWriter(search.id, name, event.schema)
                    writers[event.errand] = unfinished.enter_context(writer)
                case Rows():
                    writers[event.errand].write(event.batch)
                case Outcome() if event.errand in writers:
                    writers.pop(event.errand).finish(_told(search, event))
            yield event
    _merge(search)


def results_of(search: Search) -> list[Result]:
    """Return what is stored of a search: the table of all rows first."""
    merged = listed(search.id, find(search.id, MERGED))
    return [merged, *(listed(search.id, stored) for _, stored in _parts(search))]


def _merge(search: Search) -> None:
    """Store the rows of all datasets in the order of the plan, reading them from their tables."""
    parts = [
        Part(
            outcome.archive,
            outcome.dataset,
            schema_of(stored),
            _one_by_one(stored),
            outcome.status == "overflow",
        )
        for outcome, stored in _parts(search)
    ]
    store(search.id, MERGED, unite(parts), search.summary())


def _one_by_one(stored: Stored) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a table that is opened only when they are wanted: there may be many."""
    yield from rows(stored)


def _parts(search: Search) -> Iterator[tuple[Outcome, Stored]]:
    for outcome in sorted(search.outcomes, key=lambda outcome: outcome.errand):
        try:
            stored = find(search.id, result_name(outcome.archive, outcome.dataset))
        except NotFound:
            continue  # It failed before its first row, or was asked when nothing was stored.
        yield outcome, stored


def _told(search: Search, outcome: Outcome) -> dict[str, object]:
    return {
        "search": str(search.id),
        "archives": [outcome_data(outcome)],
        "problems": [problem_of(outcome)] if outcome.slug else [],
        **({"overflow": True} if outcome.status == "overflow" else {}),
    }
