"""Hand jobs over to their peer, once, whatever dies in the middle of it."""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from esap.backends.deadline import within
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    Cancelled,
    EsapError,
    NotFound,
    QueryRejected,
    WrongPhase,
)
from esap.jobs import moves
from esap.jobs.kinds import JobKind
from esap.jobs.leases import keeper
from esap.jobs.models import ENDED, Job, Phase
from esap.jobs.patience import DATABASE_AWAY, patient, patiently
from esap.jobs.recovery import NEEDS_ITS_USER, bug, is_away, next_login, next_try
from esap.jobs.remote import Follower
from esap.jobs.rows import change, in_seconds, move, unless_taken
from esap.jobs.watches import look_soon

__all__ = ["hand_over"]

logger = structlog.get_logger(__name__)

_SUBMIT_SECONDS = 120.0
_PATIENCE_SECONDS = 300.0
_READY = (Phase.QUEUED, Phase.HELD)
_DATABASE_WAS_AWAY = "The gateway's database was away while this was handed over."
_TO_TAKE = {"phase__in": _READY, "lease__isnull": True, "remote_id": ""}


def hand_over(job: Job, kind: JobKind) -> list[UUID]:
    """Submit a queued job to its peer, or find it there; `WrongPhase` if another does it.

    Before the peer is called, the row says so. Whoever finds such a row without a remote id, since
    its worker died, first looks for the job at the peer by its mark. So it is there once at most.

    Where the kind hands over many at once, those that wait beside it go along. Returns a part whose
    turn is then, if not all went along: so other jobs come in between.
    """
    follower = kind.follower
    if follower is None:
        raise TypeError(f"{kind.name} is not done at a peer.")
    many = kind.submit_many is not None and job.parent_id is not None
    taken, asked_before = _taken(job, kind.most_at_once if many else 1)
    with patiently(_PATIENCE_SECONDS):
        try:
            with (
                within(kind.timeout or _SUBMIT_SECONDS) as scope,
                _keeping(taken, scope.cancel),
            ):
                outcomes = _find_or_submit(taken, asked_before, kind, follower)
        except BaseException as stopped:
            for one in taken:
                _settle(one, stopped, follower)
            if not isinstance(stopped, Exception):
                raise
        else:
            for one in taken:
                if (outcome := outcomes.get(one.pk)) is None:
                    _let_go(one, new=one.pk not in asked_before)
                else:
                    _settle(one, outcome, follower)
    return list(_waiting_beside(job).values_list("pk", flat=True)[:1]) if many else []


def _find_or_submit(
    jobs: Sequence[Job], asked_before: Container[UUID], kind: JobKind, follower: Follower
) -> dict[UUID, str | EsapError]:
    """Return under which id the peer has each job by now, or why not."""
    outcomes: dict[UUID, str | EsapError] = {}
    if in_doubt := [job for job in jobs if job.pk in asked_before]:
        outcomes |= _found(in_doubt, follower)
    rest = [job for job in jobs if job.pk not in outcomes]
    try:
        if kind.submit_many and len(rest) > 1:
            outcomes |= kind.submit_many(rest)
        elif kind.submit:
            outcomes |= {job.pk: kind.submit(job) for job in rest}
    except EsapError as error:  # no reason to forget what was found
        outcomes |= {job.pk: error for job in rest}
    return outcomes


def _found(jobs: Sequence[Job], follower: Follower) -> dict[UUID, str | EsapError]:
    """Return which jobs the peer has; if it does not tell, why nobody knows of any."""
    try:
        return dict(follower.find_many(jobs))
    except EsapError as error:
        # An answer that cannot be read is no reason to end what may well be there.
        unknown = BackendUnavailable(error.detail) if _in_doubt(error) else error
        return {job.pk: unknown for job in jobs}


def _let_go(job: Job, *, new: bool) -> None:
    """Leave a job to the next turn: it was not asked for in this one."""
    untouched: dict[str, Any] = {"submitting": None} if new else {}
    with suppress(WrongPhase, NotFound):  # nobody wants it any more
        change(
            job,
            _READY,
            where=unless_taken(job),
            attempt=job.attempt - 1,
            lease=None,
            silent=False,
            due=timezone.now(),
            **untouched,
        )


def _settle(job: Job, outcome: str | BaseException, follower: Follower) -> None:
    """Write down what became of one job; another's must not depend on it."""
    try:
        if isinstance(outcome, str):
            _note(job, outcome, follower)
        else:
            _stopped(job, outcome, follower)
    except (WrongPhase, NotFound) as refusal:
        logger.info("job is not ours any more", job=str(job.pk), because=refusal.detail)


def _stopped(job: Job, because: BaseException, follower: Follower) -> None:
    """Decide what becomes of a job that was not handed over."""
    settled = in_seconds(follower.settles)
    if isinstance(because, (WrongPhase, NotFound, Cancelled)):
        if moves.is_wanted(job):
            moves.fail(job, because, stop_at_peer=settled)
    elif isinstance(because, EsapError):
        _refused(job, because, settled)
    elif isinstance(because, DATABASE_AWAY):
        logger.warning("the database was away", job=str(job.pk), because=str(because))
        moves.postpone(job, _DATABASE_WAS_AWAY, settled)
    elif isinstance(because, Exception):  # the border of the worker, as in the runner
        logger.error("submission hit a bug", job=str(job.pk), kind=job.kind, exc_info=because)
        moves.fail(job, bug(job), stop_at_peer=settled)
    else:
        # The worker is told to end; the next one looks first whether the peer has the job.
        moves.postpone(job, job.waits_for, settled)


@patient
@transaction.atomic
def _taken(job: Job, most: int) -> tuple[list[Job], set[UUID]]:
    """Take a job, and up to so many in all that wait beside it; they stay in their phases.

    Returns which of them the peer may have heard of before, too. Those that another worker takes
    just now are left to it.
    """
    mine = Job.objects.filter(pk=job.pk, attempt=job.attempt, **_TO_TAKE)
    rows = list(mine.select_for_update().values_list("pk", "submitting"))
    if not rows:
        raise WrongPhase(f"Job {job.pk} is not queued any more, or in other hands.")
    if most > 1:
        beside = _waiting_beside(job).exclude(pk=job.pk).select_for_update(skip_locked=True)
        rows += beside.values_list("pk", "submitting")[: most - 1]
    ids = [pk for pk, _ in rows]
    Job.objects.filter(pk__in=ids).update(
        attempt=F("attempt") + 1,
        lease=uuid4(),
        due=in_seconds(settings.JOB_LEASE_SECONDS),
        submitting=Coalesce("submitting", timezone.now()),
    )
    taken = list(Job.objects.filter(pk__in=ids).order_by("created", "pk"))
    return taken, {pk for pk, submitting in rows if submitting is not None}


def _waiting_beside(job: Job) -> QuerySet[Job]:
    """Return the parts of the same job, and of its kind, that are to be handed over now."""
    parts = Job.objects.filter(parent=job.parent_id, kind=job.kind, peer=job.peer, **_TO_TAKE)
    new = Q(submitting__isnull=True, phase=Phase.QUEUED)
    return parts.filter(new | Q(due__lte=timezone.now())).order_by("created", "pk")


@contextmanager
def _keeping(jobs: Sequence[Job], cancel: Callable[[], None]) -> Iterator[None]:
    """Keep jobs as ours; the call about them is given up when none of them is ours any more."""
    ours = {job.pk for job in jobs}

    def lost(job_id: UUID) -> None:
        ours.discard(job_id)
        if not ours:
            cancel()

    with ExitStack() as stack:
        for job in jobs:
            stack.enter_context(keeper.keeping(job, partial(lost, job.pk)))
        yield


@patient
@transaction.atomic
def _note(job: Job, remote_id: str, follower: Follower) -> None:
    """Keep the peer's id, and have the peer looked at: both, or whoever is next finds the job.

    A job that nobody wants any more is noted as one to be stopped there.
    """
    noted: dict[str, Any] = {
        "remote_id": remote_id,
        "waits_for": "",
        "due": None,
        "lease": None,
        "silent": False,
    }
    try:
        if job.phase == Phase.HELD:
            move(job, _READY, Phase.QUEUED, where=unless_taken(job), **noted)
        else:
            change(job, _READY, where=unless_taken(job), **noted)
    except (WrongPhase, NotFound) as refusal:
        logger.info("job was submitted in vain", job=str(job.pk), because=refusal.detail)
        ended = Job.objects.filter(pk=job.pk, round=job.round, phase__in=ENDED)
        ended.update(remote_id=remote_id, due=timezone.now())
    look_soon(follower, job.peer, follower.fastest)


def _refused(job: Job, error: EsapError, settled: datetime) -> None:
    """Decide what an error of the submission makes of the job."""
    if isinstance(error, NEEDS_ITS_USER):
        moves.hold(job, error.detail, next_login())
    elif isinstance(error, BackendTimedOut):
        moves.postpone(job, error.detail, settled)
    elif is_away(error):
        moves.postpone(job, error.detail, next_try(job))
    else:
        moves.fail(job, error, stop_at_peer=settled if _in_doubt(error) else None)


def _in_doubt(error: EsapError) -> bool:
    """Say whether the peer may have taken the job, though it answered with an error."""
    clear = (QueryRejected, BackendRefused)
    return isinstance(error, BackendFailed) and not isinstance(error, clear)
