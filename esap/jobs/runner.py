"""Carry out one queued job: what the worker does."""

from uuid import UUID

import structlog

from esap.backends.deadline import Scope, within
from esap.errors import (
    BackendTimedOut,
    Cancelled,
    EsapError,
    NotFound,
    NotReady,
    WorkLost,
    WrongPhase,
)
from esap.jobs import moves
from esap.jobs.handover import hand_over
from esap.jobs.kinds import JobKind, all_kinds, kind_named
from esap.jobs.leases import keeper
from esap.jobs.limits import is_switched_off
from esap.jobs.models import Job
from esap.jobs.patience import DATABASE_AWAY, patiently
from esap.jobs.recovery import (
    NEEDS_ITS_USER,
    begin_again,
    bug,
    is_away,
    may_repeat,
    next_login,
    next_try,
)
from esap.jobs.rows import in_seconds, job_with

__all__ = ["carry_out"]

logger = structlog.get_logger(__name__)

PATIENCE_SECONDS = 300.0
"""How long a worker that has done its work waits for a database that is away, to say so."""

_SWITCHED_OFF_SECONDS = 60.0


def carry_out(job_id: UUID) -> list[UUID]:
    """Claim a queued job, do its work, and record how it ended; return what may come next.

    A job that is not queued is somebody else's, or was aborted: nothing happens. So a message may
    come twice.
    """
    try:
        job = job_with(job_id)
        kind = all_kinds().get(job.kind)
        if is_switched_off(job.kind):
            sentence = f"The operator has switched off jobs of kind {job.kind} for now."
            moves.postpone(job, sentence, in_seconds(_SWITCHED_OFF_SECONDS))
        elif kind is not None and kind.submit:
            return hand_over(job, kind)
        else:
            _carry_out(moves.claim(job_id))
    except (WrongPhase, NotFound) as refusal:
        logger.info("job is not ours to carry out", job=str(job_id), because=refusal.detail)
    return []


def _carry_out(job: Job) -> None:
    """Do the work, and end the job whatever happens.

    A bug ends it as an internal error; its traceback is in the log only.
    """
    with patiently(PATIENCE_SECONDS), within(job.execution_duration or None) as allowed:
        try:
            moves.complete(job, _work(job, kind_named(job.kind)))
        except (WrongPhase, NotFound, Cancelled) as stopped:
            # Aborted, or given to another; what stopped while it was still wanted has failed.
            if moves.is_wanted(job):
                moves.fail(job, stopped)
        except EsapError as error:
            _ended_by(job, error, allowed)
        except DATABASE_AWAY as trouble:
            logger.warning("the database was away", job=str(job.pk), because=str(trouble))
            begin_again(job, NotReady("The gateway's database went away while this job ran."))
        except Exception:  # the border of the worker: a bug ends its job, never the others'
            logger.exception("job hit a bug", job=str(job.pk), kind=job.kind)
            moves.fail(job, bug(job))
        except BaseException:
            # The worker is told to end; the next one shall not have to wait for the sweeper.
            ending = WorkLost("The worker was stopped in the middle of this job.")
            begin_again(job, ending, counts=False)
            raise


def _work(job: Job, kind: JobKind) -> list[moves.Result]:
    if kind.run is None:
        raise EsapError(f"Jobs of kind {kind.name} only gather their parts; this one has none.")
    with within(kind.timeout) as scope, keeper.keeping(job, scope.cancel):
        return list(kind.run(job) or ())


def _ended_by(job: Job, error: EsapError, allowed: Scope) -> None:
    """Decide what an error makes of a job: it has had its time, is held, waits, or has failed."""
    if isinstance(error, BackendTimedOut) and allowed.over:
        moves.abort(job, because=error)  # as UWS 1.1 asks in section 2.1.2.3
    elif isinstance(error, NEEDS_ITS_USER) and may_repeat(job):
        moves.hold(job, error.detail, next_login(), counts=False)
    elif is_away(error) and may_repeat(job):
        moves.give_back(job, error.detail, at=next_try(job), counts=False)
    else:
        moves.fail(job, error)
