"""The kinds of job of this room."""

import re
from collections.abc import Iterable

import orjson

from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.services import Result, record_event
from query.searches import KIND, Search
from query.wire import in_portions, said

__all__ = ["KINDS", "without_nul"]

# Not the six characters that an escaped backslash begins.
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def run_search(job: Job) -> Iterable[Result]:
    """Ask all archives; everything that is said of the search becomes an event of the job.

    A search whose archives all failed has still been carried out: what happened is in its events.
    """
    search = Search.resume(job)
    for name, data in said(search, in_portions(search.ask_all())):
        record_event(job, name, orjson.loads(without_nul(data)))
    return ()


def without_nul(text: bytes) -> bytes:
    """Return JSON with U+FFFD for U+0000, which PostgreSQL does not store in JSON."""
    return _NUL.sub(rb"\1\\ufffd", text)


KINDS = {KIND: JobKind(KIND, run_search, repeatable=True)}
