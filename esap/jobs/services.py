"""What rooms do with jobs: submit them, or record work that runs inside a request."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from esap.errors import BackendUnavailable, InvalidRequest, NotFound, WrongPhase
from esap.jobs.kinds import checked_parameters, kind_named
from esap.jobs.models import UNFINISHED, Event, Job, Phase
from esap.jobs.moves import (
    Result,
    abort,
    complete,
    fail,
    is_wanted,
    note_remote,
    progress,
    record_event,
)
from esap.jobs.tasks import run
from esap.redaction import carries_token

__all__ = [
    "Result",
    "abort",
    "abort_all",
    "begin",
    "complete",
    "fail",
    "is_wanted",
    "job_for",
    "jobs_of",
    "note_remote",
    "progress",
    "record_event",
    "submit",
]

logger = structlog.get_logger(__name__)
Caller = AbstractBaseUser | AnonymousUser | None


@transaction.atomic
def submit(
    kind: str,
    parameters: Mapping[str, object],
    owner: Caller = None,
    *,
    parent: Job | None = None,
    run_id: str = "",
    peer: str = "",
) -> Job:
    """Queue work for a worker, when and if the current transaction commits.

    Raises `InvalidRequest` if the kind is unknown or the parameters do not have its shape.
    """
    checked = checked_parameters(kind_named(kind), parameters)
    job = _create(Phase.QUEUED, kind, checked, owner=owner, parent=parent, run_id=run_id, peer=peer)
    transaction.on_commit(lambda: _ring(job))
    return job


@transaction.atomic
def begin(
    kind: str, parameters: Mapping[str, object], owner: Caller = None, *, run_id: str = ""
) -> Job:
    """Record work that the caller carries out itself, at once, and will end itself."""
    return _create(
        Phase.EXECUTING, kind, dict(parameters), owner=owner, run_id=run_id, started=timezone.now()
    )


def job_for(caller: Caller, job_id: UUID) -> Job:
    """Return a job that the caller may see: their own, or one without an owner, whose id they know.

    Raises `NotFound` for others' jobs, as for those that do not exist.
    """
    job = Job.objects.filter(Q(owner=_user(caller)) | Q(owner=None), pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no job {job_id} that you may see. If it is yours, log in.")
    return job


def jobs_of(caller: Caller) -> QuerySet[Job]:
    """Return the caller's own jobs; none for somebody who has not logged in."""
    owner = _user(caller)
    return Job.objects.filter(owner=owner) if owner else Job.objects.none()


def abort_all(owner: AbstractBaseUser) -> int:
    """Abort all unfinished jobs of a user; return how many."""
    aborted = 0
    for job in jobs_of(owner).filter(phase__in=UNFINISHED):
        with suppress(NotFound, WrongPhase):  # It has ended meanwhile.
            abort(job)
            aborted += 1
    return aborted


def _create(phase: Phase, kind: str, parameters: dict[str, object], **members: Any) -> Job:
    if carries_token(parameters):
        raise InvalidRequest(
            "There is a token in the parameters, which are kept and shown: leave it out, and "
            "revoke it. The gateway itself gets tokens for what it asks in your name."
        )
    members["owner"] = _user(members["owner"])
    members["destruction"] = timezone.now() + timedelta(days=settings.JOB_DAYS)
    job = Job.objects.create(kind=kind, phase=phase, parameters=parameters, **members)
    Event.objects.create(job=job, name="phase", data={"phase": phase.value})
    return job


def _user(caller: Caller) -> Any:
    """Return the user to store or to look for; None for somebody who has not logged in."""
    return caller if caller is not None and caller.is_authenticated else None


def _ring(job: Job) -> None:
    """Tell the workers. Nobody would hear of a job whose message is lost, so it fails instead."""
    try:
        run.delay(str(job.pk))
    except OperationalError:
        logger.exception("the broker takes no messages", job=str(job.pk))
        fail(job, BackendUnavailable("The gateway's job queue is away. Submit the job again."))
