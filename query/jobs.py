"""The kinds of job of this room."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace

import orjson

from esap.errors import error_named
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.services import Result, record_event
from query.federation import Event, Rows
from query.searches import KIND, ROWS_MAX, Search, failed_somewhere
from query.services import check_search
from query.storing import keeping, results_of
from query.tap_words import TAP_WORDS
from query.wire import in_portions, said

__all__ = ["KINDS", "without_nul"]

# Not the six characters that an escaped backslash begins.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def run_search(job: Job) -> Iterable[Result]:
    """Ask all archives that have not answered yet; what is said of it becomes events of the job.

    A search whose archives all failed has still been carried out: what happened is in its events.
    But ADQL is written for one archive, and when that fails, so does the job. What an owner asked
    is stored, too; the events then have the first rows only.
    """
    search = Search.resume(job)
    stored = job.owner_id is not None
    events = search.ask_all()
    if stored:
        events = keeping(search, events)
    with closing(events):  # type: ignore[type-var]  # it is a generator
        for name, data in said(search, in_portions(_first_rows(events))):
            record_event(job, name, orjson.loads(without_nul(data)))
    _fail_with_its_only_archive(search)
    return results_of(search) if stored else ()


def without_nul(text: bytes) -> bytes:
    """Return JSON with U+FFFD for U+0000, which PostgreSQL does not store in JSON."""
    return _NUL.sub(rb"\1\\ufffd", text)


def _fail_with_its_only_archive(search: Search) -> None:
    """Raise what went wrong at the archive that was asked in ADQL."""
    for outcome in search.outcomes:
        if search.question.adql and outcome.slug:
            raise error_named(outcome.slug)(outcome.detail, peer=outcome.archive)


def _first_rows(events: Iterator[Event]) -> Iterator[Event]:
    """Pass events on with at most `ROWS_MAX` rows of each dataset."""
    passed: Counter[int] = Counter()
    for event in events:
        if not isinstance(event, Rows):
            yield event
            continue
        left = ROWS_MAX - passed[event.errand]
        passed[event.errand] += event.batch.num_rows
        if left > 0:
            yield replace(event, batch=event.batch.slice(0, left))


KINDS = {
    KIND: JobKind(
        KIND,
        run_search,
        repeatable=True,
        incomplete=failed_somewhere,
        check=check_search,
        wording=TAP_WORDS,
    )
}
