"""What the query room does. Views and jobs call this; nothing here knows HTTP."""

import json
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from esap.errors import NotFound
from esap.jobs import services as jobs
from esap.jobs.asking import refuse_nobody
from esap.jobs.idempotency import Once, made_before
from esap.jobs.models import Job
from esap.tables.stream import TableStream
from query.holding import held
from query.merging import merge
from query.planning import plan
from query.questions import ask, said_in
from query.searches import KIND, Search, longest_in_the_background

__all__ = ["check_search", "queue_search", "search_at_once", "search_for", "searches_of"]


def search_at_once(search: Search, unwanted: Callable[[], bool]) -> TableStream:
    """Carry out a search and return the rows of all archives as one table.

    Raises nothing for what happens at the archives: `search.summary()` says it; only `TooLarge`.
    """
    return merge(held(search.run(unwanted)))


def queue_search(asked: Mapping[str, object], owner: Any, *, mark: Once | None = None) -> Job:
    """Have a worker carry out a search; its job's events tell what is found, and it is stored.

    A question that cannot be asked is refused now, not later in the worker. With a mark, the same
    request gets the same job. Raises `LoginRequired` for somebody without a login.
    """
    refuse_nobody(owner)
    if job := made_before(mark):
        return job
    check_search(asked, owner)
    return jobs.submit(KIND, said_in(asked), owner, mark=mark)


def check_search(asked: Mapping[str, object], owner: Any) -> None:
    """Refuse a question that cannot be asked, before it is a job."""
    plan(ask(asked, owner, longest=longest_in_the_background()), owner)


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
