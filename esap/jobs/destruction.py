"""The end of a job's record: its destruction time, and what goes with it."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from esap.errors import NotFound, WrongPhase
from esap.jobs.families import parts_of
from esap.jobs.models import Job
from esap.jobs.moves import abort

__all__ = ["destroy", "destroy_due"]

logger = structlog.get_logger(__name__)

MOST_JOBS = 200
_PATIENCE = timedelta(days=1)
"""How long a job that runs at a peer may outlast its destruction time until it is stopped there."""

Ending = Callable[[Sequence[Job]], None]
"""Removes what is kept of jobs elsewhere. It may be called again for a job, and must not mind."""


def destroy_due() -> int:
    """Delete the jobs whose destruction time has come (UWS 1.1, section 2.1.9); return how many.

    One that has not ended by then is aborted first: whoever carries it out learns that nobody
    wants it. Parts go with their parents.
    """
    due = Job.objects.filter(destruction__lte=timezone.now(), parent__isnull=True)
    for job in due.filter(ended__isnull=True)[:MOST_JOBS]:
        try:
            abort(job)
        except (WrongPhase, NotFound):
            continue
    long_ago = timezone.now() - _PATIENCE
    stopped = Q(due__isnull=True) | Q(destruction__lte=long_ago)
    return destroy(due.filter(stopped, ended__isnull=False).order_by("destruction")[:MOST_JOBS])


def destroy(jobs: QuerySet[Job]) -> int:
    """Delete jobs with their parts, their events, and whatever `JOB_ENDINGS` removes of them.

    If something cannot be removed, the jobs stay, and it is tried again.
    """
    whole = [one for job in jobs for one in (job, *parts_of(job))]
    if not whole:
        return 0
    for path in settings.JOB_ENDINGS:
        ending: Ending = import_string(path)
        try:
            ending(whole)
        except Exception:  # what one room keeps must not keep all other jobs
            logger.exception("what is kept of jobs cannot be removed", ending=path)
            return 0
    ids = [job.pk for job in whole]
    Job.objects.filter(pk__in=ids).delete()
    return len(ids)
