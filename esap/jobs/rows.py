"""The one conditional UPDATE by which a job changes, with its events, in one transaction."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from esap.errors import EsapError, NotFound, WrongPhase
from esap.jobs.families import follow_parts, lock_ancestors
from esap.jobs.models import Event, Job, Phase
from esap.jobs.patience import patient

__all__ = ["Happening", "change", "in_seconds", "job_with", "move", "shortened", "unless_taken"]

Happening = tuple[str, object]
"""The name of an event, and its data."""

_LONGEST = 255


def job_with(job_id: UUID) -> Job:
    """Return a job; `NotFound` if it is gone."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise _gone(job_id)
    return job


def unless_taken(job: Job) -> Mapping[str, object]:
    """Return the condition that nobody else carries the job out since it was read.

    So a worker that was given up, but lives, is refused at its next write.
    """
    return {"lease": job.lease} if job.lease else {"lease__isnull": True}


def move(
    job: Job,
    origins: Collection[Phase],
    target: Phase,
    *,
    where: Mapping[str, object] | None = None,
    happened: Iterable[Happening] = (),
    told: Mapping[str, object] | None = None,
    **changes: object,
) -> Job:
    """Take a job from one of some phases to another, and return it as it then is.

    `happened` comes before the event of the phase, in which `told` is told as well. The parent's
    phase follows in the same transaction.
    """
    events = [*happened, ("phase", {"phase": target.value, **(told or {})})]
    change(job, origins, events, where=where, phase=target, **changes)
    return job_with(job.pk)


@patient
@transaction.atomic
def change(
    job: Job,
    origins: Collection[Phase],
    events: Iterable[Happening] = (),
    *,
    where: Mapping[str, object] | None = None,
    **changes: object,
) -> None:
    """Change a row that is in one of the phases, and tell; `WrongPhase` if it is in none.

    The one UPDATE decides races. Its row lock, or the one asked for where nothing changes, puts
    this job's events in their order (SQLite has taken its only write lock at BEGIN IMMEDIATE).
    """
    moves = "phase" in changes
    if moves:
        # Always the parent before its parts, or two who move would wait for each other.
        lock_ancestors(job)
    rows = Job.objects.filter(pk=job.pk, phase__in=origins, **(where or {}))
    held = rows.update(**changes) if changes else len(rows.select_for_update().values_list("pk"))
    if not held:
        raise _refusal(job, origins)
    Event.objects.bulk_create(Event(job_id=job.pk, name=name, data=data) for name, data in events)
    if moves:
        follow_parts(job.parent_id)


def in_seconds(seconds: float) -> datetime:
    """Return the moment so many seconds from now."""
    return timezone.now() + timedelta(seconds=seconds)


def shortened(sentence: str) -> str:
    """Return a sentence that fits its column; PostgreSQL refuses a longer one."""
    return sentence if len(sentence) <= _LONGEST else f"{sentence[: _LONGEST - 3]}..."


def _refusal(job: Job, origins: Collection[Phase]) -> EsapError:
    phase = Job.objects.filter(pk=job.pk).values_list("phase", flat=True).first()
    if phase is None:
        return _gone(job.pk)
    if phase in origins:
        return WrongPhase(f"Job {job.pk} is {phase}, and meanwhile in other hands.")
    return WrongPhase(f"Job {job.pk} is {phase}, which does not allow this.")


def _gone(job_id: UUID) -> NotFound:
    return NotFound(f"There is no job {job_id} any more.")
