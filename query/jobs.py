"""The kinds of job of this room."""

from collections.abc import Iterable

import orjson

from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.services import Result, record_event
from query.searches import KIND, Search
from query.wire import in_portions, said

__all__ = ["KINDS"]


def run_search(job: Job) -> Iterable[Result]:
    """Ask all archives; everything that is said of the search becomes an event of the job.

    A search whose archives all failed has still been carried out: what happened is in its events.
    """
    search = Search.resume(job)
    for name, data in said(search, in_portions(search.ask_all())):
        record_event(job, name, orjson.loads(data))
    return ()


KINDS = {KIND: JobKind(KIND, run_search)}
