"""What the query room does. Views and jobs call this; nothing here knows HTTP."""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from esap.errors import InvalidRequest, NotFound, TooManyRequests
from esap.jobs import services as jobs
from esap.jobs.idempotency import Once, made_before
from esap.jobs.models import Job, Phase
from esap.tables.stream import TableStream
from query.holding import held
from query.merging import merge
from query.planning import plan
from query.questions import ask, said_in
from query.searches import KIND, ROWS_MAX, Search

__all__ = ["check_search", "queue_search", "search_at_once", "search_for", "searches_of"]

MOST_WAITING = 64


def search_at_once(search: Search, unwanted: Callable[[], bool]) -> TableStream:
    """Carry out a search and return the rows of all archives as one table.

    Raises nothing for what happens at the archives: `search.summary()` says it; only `TooLarge`.
    """
    return merge(held(search.run(unwanted)))


def queue_search(
    asked: Mapping[str, object], owner: Any = None, *, mark: Once | None = None
) -> Job:
    """Have a worker carry out a search; its job's events tell what is found.

    What a logged-in caller asks is stored besides. A question that cannot be asked is refused now,
    not later in the worker. With a mark, the same request gets the same job.
    """
    if job := made_before(mark):
        return job
    check_search(asked, owner)
    _refuse_crowd(owner)
    return jobs.submit(KIND, said_in(asked), owner, mark=mark)


def check_search(asked: Mapping[str, object], owner: Any) -> None:
    """Refuse a question that cannot be asked, or not as a job of this caller's."""
    question = ask(asked, owner)
    plan(question, owner)
    if question.limit > ROWS_MAX and not _is_somebody(owner):
        raise InvalidRequest(
            f"limit: without a login, a search that runs as a job passes on at most {ROWS_MAX} "
            "rows of a dataset. Log in, ask for fewer, or take the answer as it comes, without "
            "'Prefer: respond-async'."
        )


def _refuse_crowd(owner: Any) -> None:
    """Refuse another search of nobody's while many wait: all who have no login share a queue."""
    if _is_somebody(owner):
        return
    waiting = Job.objects.filter(kind=KIND, owner=None, phase=Phase.QUEUED).count()
    if waiting >= MOST_WAITING:
        raise TooManyRequests(
            f"{waiting} searches of callers without a login wait already. Try again later, log in, "
            "or take the answer as it comes, without 'Prefer: respond-async'.",
            running=waiting,
            limit=MOST_WAITING,
            retry_after=30,
        )


def _is_somebody(owner: Any) -> bool:
    return owner is not None and bool(owner.is_authenticated)


def search_for(caller: Any, search_id: UUID, token: str = "") -> Job:
    """Return the job of a search that the caller may see: by themselves, or by a shared link."""
    job = jobs.job_to_read(caller, search_id, token)
    if job.kind != KIND:
        raise NotFound(f"There is no search {search_id}; it is a job of kind {job.kind}.")
    return job


def searches_of(caller: Any, *, text: str = "") -> QuerySet[Job]:
    """Return the searches that a logged-in caller made; those with `text` in what was asked."""
    if not caller.is_authenticated:
        return Job.objects.none()
    searches = jobs.jobs_of(caller).filter(kind=KIND)
    if not text:
        return searches
    # As JSON has it: SQLite keeps every letter beyond ASCII escaped, PostgreSQL none.
    written = {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    found = [Q(said__icontains=words) for words in sorted(written)]
    return searches.annotate(said=Cast("parameters", TextField())).filter(reduce(or_, found))
