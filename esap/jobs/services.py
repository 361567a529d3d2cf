"""What rooms do with jobs: submit them, or record work that runs inside a request."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from esap.errors import InvalidRequest, NotFound, WrongPhase
from esap.jobs import moves
from esap.jobs.destruction import destroy
from esap.jobs.idempotency import Once, once
from esap.jobs.kinds import Part, checked_parameters, kind_named, refuse_tokens
from esap.jobs.leases import keeper
from esap.jobs.leaving import abort_all
from esap.jobs.limits import Usage, admit, is_switched_off, usage
from esap.jobs.mailing import want_mail
from esap.jobs.making import checked, longest_kept, make, make_parts, ring_after_commit
from esap.jobs.models import Job, Phase
from esap.jobs.moves import (
    RING_SECONDS,
    Result,
    complete,
    fail,
    is_wanted,
    note_remote,
    progress,
    record_event,
)
from esap.jobs.resuming import resume_held
from esap.jobs.retrying import queue_again
from esap.jobs.rows import Happening, change, in_seconds, job_with
from esap.jobs.sharing import is_shared_with, share, unshare
from esap.jobs.watches import look_soon_for

__all__ = [
    "Part",
    "Result",
    "Usage",
    "abort",
    "abort_all",
    "add_parts",
    "adjust",
    "begin",
    "change_parameters",
    "complete",
    "destroy",
    "discard",
    "fail",
    "is_wanted",
    "job_for",
    "job_to_read",
    "jobs_of",
    "keep_until",
    "limit_time",
    "note_remote",
    "progress",
    "record_event",
    "resume",
    "retry",
    "share",
    "start",
    "submit",
    "submit_parts",
    "unshare",
    "usage",
]

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
    execution_duration: int = 0,
    pending: bool = False,
    mark: Once | None = None,
) -> Job:
    """Queue work for a worker, when and if the current transaction commits.

    A `pending` job is only written down, until `start`. With a mark (`idempotency.same_request`),
    the same request gets the same job, however often it comes. Raises `InvalidRequest` if the kind
    is unknown or the parameters do not have its shape; `SwitchedOff`, `TooManyRequests`,
    `KeyReused`.
    """
    part = checked(Part(kind=kind, parameters=parameters, peer=peer, run_id=run_id))
    if parent is not None and parent.gathers:
        return make_parts(parent, [part])[0]

    def made() -> Job:
        admit(_user(owner), {kind: 1}, jobs=int(parent is None))
        job = make(
            part,
            _user(owner),
            Phase.PENDING if pending else Phase.QUEUED,
            parent=parent,
            execution_duration=execution_duration,
            due=None if pending else in_seconds(RING_SECONDS),
        )
        if not pending:
            ring_after_commit([job.pk])
        return job

    return once(mark, made)[0]


@transaction.atomic
def submit_parts(
    kind: str,
    parameters: Mapping[str, object],
    parts: Iterable[Part],
    owner: Caller = None,
    *,
    run_id: str = "",
    mark: Once | None = None,
) -> Job:
    """Queue a job that is the sum of its parts, with all of them or none; return it.

    Its kind gathers. Its phase, progress and times follow from the parts'. One part that fails does
    not keep the others from ending; then `retry` runs only the failed ones again. Raises what
    `submit` raises.
    """
    whole = checked(Part(kind=kind, parameters=parameters, run_id=run_id))
    parts = list(parts)
    if not kind_named(kind).gathers:
        raise InvalidRequest(f"Jobs of kind {kind} do their own work, and take no parts.")
    if not parts:
        raise InvalidRequest("There is nothing to do: the job has no parts.")

    def made() -> Job:
        admit(_user(owner), {kind: 1})
        parent = make(whole, _user(owner), Phase.QUEUED, gathers=True)
        make_parts(parent, parts)
        return job_with(parent.pk)

    return once(mark, made)[0]


@transaction.atomic
def add_parts(parent: Job, parts: Sequence[Part]) -> list[Job]:
    """Queue further parts of a job that gathers and has not ended; `WrongPhase` if it has."""
    return make_parts(parent, parts)


@transaction.atomic
def begin(
    kind: str, parameters: Mapping[str, object], owner: Caller = None, *, run_id: str = ""
) -> Job:
    """Record work that the caller carries out itself, at once, and will end itself.

    As long as somebody in this process holds the job that is returned, it counts as being carried
    out. If the process dies, the job fails; nobody begins it again.
    """
    if is_switched_off(kind):
        admit(_user(owner), {kind: 1})
    job = make(
        Part(kind=kind, parameters=dict(parameters), run_id=run_id),
        _user(owner),
        Phase.EXECUTING,
        started=timezone.now(),
        lease=uuid4(),
        due=in_seconds(settings.JOB_LEASE_SECONDS),
    )
    transaction.on_commit(lambda: keeper.keep(job))
    return job


@transaction.atomic
def start(job: Job) -> Job:
    """Queue a job that was pending."""
    started = moves.start(job)
    ring_after_commit([job.pk])
    return started


def abort(job: Job, *, happened: Iterable[Happening] = ()) -> Job:
    """End an unfinished job, and its parts, because nobody wants it any more.

    Whoever carries it out learns so within about a second; what runs at a peer is stopped there.
    """
    aborted = moves.abort(job, happened=happened)
    if aborted.due is not None or aborted.gathers:
        look_soon_for(aborted)
    return aborted


@transaction.atomic
def retry(job: Job) -> Job:
    """Run again what failed or was aborted: the job itself, or those of its parts.

    Raises `WrongPhase` if nothing did, and what `submit` raises for too much work.
    """
    ring_after_commit(queue_again(job))
    return job_with(job.pk)


def resume(owner: Caller, peer: str = "") -> int:
    """Let the jobs go on that wait for a login of this user; return how many there are.

    For whoever has just made a login or a connection, at one peer or any.
    """
    user = _user(owner)
    return resume_held(user, peer) if user is not None else 0


def job_for(caller: Caller, job_id: UUID) -> Job:
    """Return a job that the caller may see: their own, or one without an owner, whose id they know.

    Raises `NotFound` for others' jobs, as for those that do not exist, or are only still there
    because the sweeper has not come by since their destruction time.
    """
    job = _kept().filter(Q(owner=_user(caller)) | Q(owner=None), pk=job_id).first()
    if job is None:
        raise NotFound(f"There is no job {job_id} that you may see. If it is yours, log in.")
    return job


def job_to_read(caller: Caller, job_id: UUID, token: str = "") -> Job:
    """Return a job to look at: as `job_for`, or one that was shared with the holder of the token.

    `NotFound` also when the token is of another job, or has ended.
    """
    if token:
        job = _kept().filter(pk=job_id).first()
        if job is not None and is_shared_with(job, token):
            return job
    return job_for(caller, job_id)


def jobs_of(caller: Caller) -> QuerySet[Job]:
    """Return the caller's own jobs; none for somebody who has not logged in."""
    owner = _user(caller)
    return _kept().filter(owner=owner) if owner else Job.objects.none()


def keep_until(job: Job, moment: datetime) -> Job:
    """Set the destruction time, to at most as late as that of a job made now (UWS 1.1, 2.1.9)."""
    whole = Job.objects.filter(Q(pk=job.pk) | Q(parent=job.pk))
    whole.update(destruction=min(moment, longest_kept()))
    return job_with(job.pk)


def limit_time(job: Job, seconds: int) -> Job:
    """Set how many seconds a job that does not run yet may run; 0 for no limit of its own."""
    waiting = (Phase.PENDING, Phase.QUEUED, Phase.HELD)
    change(job, waiting, where={"lease__isnull": True}, execution_duration=seconds)
    return job_with(job.pk)


def change_parameters(job: Job, parameters: Mapping[str, object]) -> Job:
    """Replace the parameters of a pending job; `InvalidRequest` if they lack the kind's shape."""
    shaped = checked_parameters(kind_named(job.kind), parameters)
    change(job, (Phase.PENDING,), parameters=shaped)
    return job_with(job.pk)


def discard(job: Job) -> None:
    """Remove a job with its parts and results, and abort it first if it has not ended.

    Nobody sees it any more. What still runs at a peer is stopped there before the record goes.
    Raises `WrongPhase` for a part, which goes with its whole.
    """
    if job.parent_id is not None:
        raise WrongPhase(f"Job {job.pk} is a part of job {job.parent_id}, and goes with it.")
    with suppress(WrongPhase):  # it has ended
        abort(job)
    Job.objects.filter(pk=job.pk).update(destruction=timezone.now())
    family = Q(pk=job.pk) | Q(parent=job.pk)
    if not Job.objects.filter(family, due__isnull=False).exists():
        destroy(Job.objects.filter(pk=job.pk))


@transaction.atomic
def adjust(
    job: Job,
    *,
    run_id: str | None = None,
    execution_duration: int | None = None,
    destruction: datetime | None = None,
    mail: bool | None = None,
) -> Job:
    """Set what is given: the caller's name of the job, its time to run, its destruction time, mail.

    Raises what `limit_time` and `want_mail` do, and then nothing has changed.
    """
    refuse_tokens(run_id)
    if execution_duration is not None and execution_duration != job.execution_duration:
        job = limit_time(job, execution_duration)
    if destruction is not None:
        job = keep_until(job, destruction)
    if mail is not None and mail != job.mail:
        want_mail(job, wanted=mail)
    if run_id is not None:
        Job.objects.filter(pk=job.pk).update(run_id=run_id)
    return job_with(job.pk)


def _kept() -> QuerySet[Job]:
    """Return the jobs whose destruction time has not come."""
    return Job.objects.filter(Q(destruction=None) | Q(destruction__gt=timezone.now()))


def _user(caller: Caller) -> Any:
    """Return the user to store or to look for; None for somebody who has not logged in."""
    return caller if caller is not None and caller.is_authenticated else None
