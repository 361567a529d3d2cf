"""Stop at the peer what has ended for us: nobody wants it there any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from esap.errors import EsapError
from esap.jobs.models import Job
from esap.jobs.remote import Follower
from esap.jobs.rows import in_seconds

__all__ = ["stop_leftovers"]

logger = structlog.get_logger(__name__)

_GIVE_UP = timedelta(days=1)
_AGAIN_SECONDS = 60.0


def stop_leftovers(follower: Follower, peer: str, kinds: Sequence[str]) -> None:
    """Stop the ended jobs that are due, and forget them; what cannot be stopped is tried again."""
    now = timezone.now()
    due = Job.objects.filter(peer=peer, kind__in=kinds, ended__isnull=False, due__lte=now)
    jobs = []
    for job in due.order_by("due")[: follower.most]:
        if job.ended and job.ended < now - _GIVE_UP:
            logger.error("job left at its peer", job=str(job.pk), peer=peer, remote=job.remote_id)
            _look_again(job, None)
        elif _found(follower, job):
            jobs.append(job)
    if jobs:
        _stop(follower, peer, jobs)


def _found(follower: Follower, job: Job) -> bool:
    """Find a job that was handed over without an answer; it may take a while until it is there."""
    if job.remote_id:
        return True
    try:
        remote_id = follower.find(job)
    except EsapError as error:
        _not_yet(job, error)
        return False
    if remote_id is None:
        settled = (job.submitting or job.created) + timedelta(seconds=2 * follower.settles)
        _look_again(job, settled if settled > timezone.now() else None)
        return False
    job.remote_id = remote_id
    Job.objects.filter(pk=job.pk, round=job.round, remote_id="").update(remote_id=remote_id)
    return True


def _stop(follower: Follower, peer: str, jobs: Sequence[Job]) -> None:
    try:
        follower.cancel(peer, jobs)
    except EsapError as error:
        if len(jobs) > 1 and not error.retryable:
            for job in jobs:  # One may spoil it for all, such as by a login that has ended.
                _stop(follower, peer, [job])
            return
        for job in jobs:
            _not_yet(job, error)
        return
    for job in jobs:
        _look_again(job, None)


def _not_yet(job: Job, error: EsapError) -> None:
    logger.warning("job not stopped at its peer yet", job=str(job.pk), because=error.detail)
    _look_again(job, in_seconds(_AGAIN_SECONDS))


def _look_again(job: Job, due: datetime | None) -> None:
    """Note when to look again, unless something has become known of the job meanwhile."""
    Job.objects.filter(pk=job.pk, due=job.due).update(due=due)
