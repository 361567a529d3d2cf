"""Hand a job over to its peer, once, whatever dies in the middle of it."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from esap.backends.deadline import within
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    Cancelled,
    EsapError,
    NotFound,
    QueryRejected,
    WrongPhase,
)
from esap.jobs import moves
from esap.jobs.kinds import JobKind, Submit
from esap.jobs.leases import keeper
from esap.jobs.models import ENDED, Job, Phase
from esap.jobs.patience import DATABASE_AWAY, patient, patiently
from esap.jobs.recovery import NEEDS_ITS_USER, bug, is_away, next_login, next_try
from esap.jobs.remote import Follower
from esap.jobs.rows import change, in_seconds, job_with, move, unless_taken
from esap.jobs.watches import look_soon

__all__ = ["hand_over"]

logger = structlog.get_logger(__name__)

_SUBMIT_SECONDS = 120.0
_PATIENCE_SECONDS = 300.0
_READY = (Phase.QUEUED, Phase.HELD)
_DATABASE_WAS_AWAY = "The gateway's database was away while this was handed over."


def hand_over(job: Job, kind: JobKind, submit: Submit, follower: Follower) -> None:
    """Submit a queued job to its peer, or find it there; `WrongPhase` if another does it.

    Before the peer is called, the row says so. Whoever finds such a row without a remote id, since
    its worker died, first looks for the job at the peer by its mark. So it is there once at most.
    """
    asked_before = job.submitting is not None
    job = _taken(job)
    with patiently(_PATIENCE_SECONDS):
        try:
            with (
                within(kind.timeout or _SUBMIT_SECONDS) as scope,
                keeper.keeping(job, scope.cancel),
            ):
                found = follower.find(job) if asked_before else None
                remote_id = found or submit(job)
        except (WrongPhase, NotFound, Cancelled) as stopped:
            if moves.is_wanted(job):
                moves.fail(job, stopped, stop_at_peer=_settled(follower))
        except EsapError as error:
            _refused(job, error, follower)
        except DATABASE_AWAY as trouble:
            logger.warning("the database was away", job=str(job.pk), because=str(trouble))
            moves.postpone(job, _DATABASE_WAS_AWAY, _settled(follower))
        except Exception:  # the border of the worker, as in the runner
            logger.exception("submission hit a bug", job=str(job.pk), kind=job.kind)
            moves.fail(job, bug(job), stop_at_peer=_settled(follower))
        except BaseException:
            # The worker is told to end; the next one looks first whether the peer has the job.
            moves.postpone(job, job.waits_for, _settled(follower))
            raise
        else:
            _note(job, remote_id, follower)


def _taken(job: Job) -> Job:
    """Take a job without moving it: it stays queued until the peer says otherwise."""
    change(
        job,
        _READY,
        where={"lease__isnull": True, "attempt": job.attempt, "remote_id": ""},
        attempt=job.attempt + 1,
        lease=uuid4(),
        due=in_seconds(settings.JOB_LEASE_SECONDS),
        submitting=job.submitting or timezone.now(),
    )
    return job_with(job.pk)


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


def _refused(job: Job, error: EsapError, follower: Follower) -> None:
    """Decide what an error of the submission makes of the job."""
    if isinstance(error, NEEDS_ITS_USER):
        moves.hold(job, error.detail, next_login())
    elif isinstance(error, BackendTimedOut):
        moves.postpone(job, error.detail, _settled(follower))
    elif is_away(error):
        moves.postpone(job, error.detail, next_try(job))
    else:
        in_doubt = _settled(follower) if _in_doubt(error) else None
        moves.fail(job, error, stop_at_peer=in_doubt)


def _in_doubt(error: EsapError) -> bool:
    """Say whether the peer may have taken the job, though it answered with an error."""
    clear = (QueryRejected, BackendRefused)
    return isinstance(error, BackendFailed) and not isinstance(error, clear)


def _settled(follower: Follower) -> datetime:
    return in_seconds(follower.settles)
