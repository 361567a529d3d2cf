"""Run again what failed, and only that."""

from collections import Counter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from esap.errors import WrongPhase
from esap.jobs.families import follow_parts, lock_ancestors, parts_of
from esap.jobs.kinds import all_kinds
from esap.jobs.limits import admit, one_at_a_time
from esap.jobs.making import longest_kept
from esap.jobs.models import Event, Job, Phase
from esap.jobs.moves import RING_SECONDS
from esap.jobs.rows import in_seconds

__all__ = ["queue_again"]

_SPOILT = (Phase.ERROR, Phase.ABORTED)


@transaction.atomic
def queue_again(job: Job) -> list[UUID]:
    """Queue a job that failed, in part or all, or was aborted; of one that gathers, such parts.

    Returns which were queued. What the other parts made is kept, and the destruction time is then
    as far away as that of a new job. Raises `WrongPhase` if nothing failed, or if something of it
    is still to be stopped at its peer; and what `admit` raises.
    """
    one_at_a_time(job.owner)  # before any row, as those do who submit
    lock_ancestors(job)
    job = Job.objects.select_for_update().get(pk=job.pk)
    spoilt = [
        one
        for one in (parts_of(job) if job.gathers else [job])
        if not one.gathers and (one.phase in _SPOILT or _is_incomplete(one))
    ]
    if not spoilt:
        raise WrongPhase(f"Job {job.pk} is {job.phase}, and nothing of it failed or was aborted.")
    for one in spoilt:
        if one.due is not None:
            raise WrongPhase(f"Job {one.pk} is still being stopped at {one.peer}. Try again soon.")
    admit(job.owner, Counter(one.kind for one in spoilt), jobs=int(job.parent_id is None))
    ids = [one.pk for one in spoilt]
    Job.objects.filter(pk__in=ids).update(**_as_new())
    Event.objects.bulk_create(
        Event(job_id=pk, name="phase", data={"phase": Phase.QUEUED.value, "again": True})
        for pk in ids
    )
    for parent_id in {one.parent_id for one in spoilt}:
        follow_parts(parent_id)
    _keep_longer(job)
    return ids


def _is_incomplete(job: Job) -> bool:
    """Say whether a job was carried out, but part of what it was to do failed."""
    kind = all_kinds().get(job.kind)
    if job.phase != Phase.COMPLETED or kind is None or kind.incomplete is None:
        return False
    return kind.incomplete(job)


def _as_new() -> dict[str, Any]:
    return {
        "phase": Phase.QUEUED,
        "round": F("round") + 1,
        "attempt": 0,
        "due": in_seconds(RING_SECONDS),
        "remote_id": "",
        "submitting": None,
        "waits_for": "",
        "progress_fraction": None,
        "progress_sentence": "",
        "problem": None,
        "started": None,
        "ended": None,
        "quote": None,
    }


def _keep_longer(job: Job) -> None:
    """Move the destruction time of what the job is part of, or of the job itself."""
    whole = job
    while whole.parent is not None:
        whole = whole.parent
    then = longest_kept()
    Job.objects.filter(pk=whole.pk, destruction__lt=then).update(destruction=then)
