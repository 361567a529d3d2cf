"""Carry out one queued job: what the worker does."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread
from uuid import UUID

import structlog
from django.db import DatabaseError, connection

from esap.backends.deadline import Scope, within
from esap.errors import Cancelled, EsapError, NotFound, WrongPhase
from esap.jobs import moves
from esap.jobs.kinds import kind_named
from esap.jobs.models import Job

__all__ = ["carry_out"]

logger = structlog.get_logger(__name__)
ASK_SECONDS = 1.0


def carry_out(job_id: UUID) -> None:
    """Claim a queued job, do its work, and record how it ended.

    A job that is not queued is somebody else's, or was aborted: nothing happens. So a message may
    come twice. A bug ends the job as an internal error; its traceback is in the log only.
    """
    try:
        job = moves.claim(job_id)
    except (WrongPhase, NotFound) as refusal:
        logger.info("job not claimed", job=str(job_id), because=refusal.detail)
        return
    try:
        moves.complete(job, _work(job))
    except (WrongPhase, NotFound, Cancelled) as stopped:
        _stopped(job, stopped)
    except EsapError as error:
        _failed(job, error)
    except Exception:  # the border of the worker: a bug ends its job, never the others'
        logger.exception("job hit a bug", job=str(job.pk), kind=job.kind)
        _failed(
            job,
            EsapError(
                "The gateway made a mistake in this job. If it happens again, tell the operator "
                f"its id, {job.pk}."
            ),
        )


def _work(job: Job) -> list[moves.Result]:
    kind = kind_named(job.kind)
    with within(kind.timeout) as scope, _cancelling_when_unwanted(job, scope):
        return list(kind.run(job) or ())


def _stopped(job: Job, error: EsapError) -> None:
    """Leave an aborted job as it is; one that stopped while still wanted has failed."""
    if moves.is_wanted(job):
        _failed(job, error)
    else:
        logger.info("job stopped", job=str(job.pk), kind=job.kind)


def _failed(job: Job, error: EsapError) -> None:
    try:
        moves.fail(job, error)
    except (WrongPhase, NotFound):
        logger.info("job failed after it had ended", job=str(job.pk), because=error.detail)


@contextmanager
def _cancelling_when_unwanted(job: Job, scope: Scope) -> Iterator[None]:
    """Ask the database now and then whether the job is still wanted; cancel the scope if not."""
    done = Signal()
    watcher = Thread(target=_watch, args=(job, scope, done), name=f"watch {job.pk}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(job: Job, scope: Scope, done: Signal) -> None:
    try:
        while not done.wait(ASK_SECONDS):
            try:
                wanted = moves.is_wanted(job)
            except DatabaseError:
                # A database that is busy or restarting says nothing about the job: ask again.
                logger.warning("cannot ask whether a job is wanted", job=str(job.pk))
                connection.close()
                continue
            if not wanted:
                scope.cancel()
                return
    finally:
        connection.close()  # this thread's own
