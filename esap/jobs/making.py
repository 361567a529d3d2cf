"""New jobs: their rows, their first events, and the message about them after the commit."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from esap.errors import InvalidRequest, WrongPhase
from esap.jobs.doorbell import ring
from esap.jobs.families import follow_parts, lock_ancestors
from esap.jobs.kinds import Part, checked_parameters, kind_named, one_of_each, refuse_tokens
from esap.jobs.limits import admit
from esap.jobs.models import ENDED, Event, Job, Phase
from esap.jobs.moves import RING_SECONDS
from esap.jobs.rows import in_seconds

__all__ = ["checked", "longest_kept", "make", "make_parts", "ring_after_commit"]

_MOST_RUNG = 100
"""How many messages a request waits for; the sweeper sends the others soon."""


def checked(part: Part) -> Part:
    """Return a part with its parameters in the shape that its kind asks for."""
    kind = kind_named(part.kind)
    if kind.follower is not None and not part.peer:
        raise InvalidRequest(f"peer: say at which peer the job of kind {kind.name} shall run.")
    parameters = checked_parameters(kind, part.parameters)
    return Part(kind=part.kind, parameters=parameters, peer=part.peer, run_id=part.run_id)


def make(part: Part, owner: Any, phase: Phase, **members: Any) -> Job:
    """Write down one job; `members` are further columns of it."""
    refuse_tokens([part.run_id, part.peer, part.parameters])
    members.setdefault("destruction", longest_kept())
    job = Job.objects.create(
        kind=part.kind,
        phase=phase,
        owner=owner,
        parameters=part.parameters,
        peer=part.peer,
        run_id=part.run_id,
        **members,
    )
    Event.objects.create(job=job, name="phase", data={"phase": phase.value})
    return job


def longest_kept() -> datetime:
    """Return the latest destruction time that a job may have now."""
    return timezone.now() + timedelta(days=settings.JOB_DAYS)


def make_parts(parent: Job, parts: Sequence[Part]) -> list[Job]:
    """Queue parts of a job that gathers; within the caller's transaction.

    Raises `WrongPhase` if the parent has ended, and what `admit` raises.
    """
    parts = [checked(part) for part in parts]
    admit(parent.owner, Counter(part.kind for part in parts), jobs=0)
    lock_ancestors(Job(parent=parent))
    parent.refresh_from_db()
    if parent.phase in ENDED:
        raise WrongPhase(f"Job {parent.pk} is {parent.phase}, and takes no more parts.")
    now = timezone.now()
    jobs = Job.objects.bulk_create(
        # Each a little later than the one before: their order is the one they were asked in.
        _part(parent, part, now + timedelta(microseconds=number), rung=number < _MOST_RUNG)
        for number, part in enumerate(parts)
    )
    Event.objects.bulk_create(
        Event(job=job, name="phase", data={"phase": Phase.QUEUED.value}) for job in jobs
    )
    follow_parts(parent.pk)
    new = [(job.pk, job.kind, job.peer, job.parent_id) for job in jobs if not job.gathers]
    ring_after_commit(one_of_each(new))
    return jobs


def ring_after_commit(job_ids: Sequence[UUID]) -> None:
    """Tell the workers of these jobs, when and if the transaction commits."""
    transaction.on_commit(lambda: ring(job_ids[:_MOST_RUNG]))


def _part(parent: Job, part: Part, created: datetime, *, rung: bool) -> Job:
    gathers = kind_named(part.kind).gathers
    return Job(
        kind=part.kind,
        phase=Phase.QUEUED,
        owner_id=parent.owner_id,
        parent=parent,
        gathers=gathers,
        parameters=part.parameters,
        peer=part.peer,
        run_id=part.run_id or parent.run_id,
        created=created,
        destruction=parent.destruction,
        due=None if gathers else in_seconds(RING_SECONDS if rung else 0),
    )
