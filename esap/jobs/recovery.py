"""What becomes of work that was cut short: it waits, is held, is done again, or has failed."""

from datetime import datetime

from django.utils import timezone

from esap.errors import (
    BackendTimedOut,
    BackendUnavailable,
    EsapError,
    LoginAgain,
    NotConnected,
)
from esap.jobs import moves
from esap.jobs.kinds import all_kinds
from esap.jobs.models import Job
from esap.jobs.rows import in_seconds

__all__ = [
    "NEEDS_ITS_USER",
    "begin_again",
    "bug",
    "is_away",
    "may_repeat",
    "next_login",
    "next_try",
]

NEEDS_ITS_USER = (LoginAgain, NotConnected)
"""Only the job's user can help: by a login."""

_SHORTEST, _LONGEST = 10.0, 300.0
_LOGIN_SECONDS = 900.0
_SHARE_OF_AGE = 0.25


def may_repeat(job: Job) -> bool:
    """Say whether a job's work may be begun once more, after an attempt that did not end."""
    kind = all_kinds().get(job.kind)
    return kind is not None and kind.repeatable


def begin_again(job: Job, error: EsapError, *, counts: bool = True) -> Job:
    """Queue a job whose attempt was lost, if it may be repeated; else it has failed.

    An attempt that `counts` is one of those that the kind allows. What was begun in a request, and
    not by a worker, has none: its caller is gone.
    """
    kind = all_kinds().get(job.kind)
    if kind is None or not kind.repeatable or job.attempt == 0:
        return moves.fail(job, error)
    if counts and job.attempt >= kind.max_attempts:
        return moves.fail(job, error)
    return moves.give_back(job, error.detail, counts=counts)


def bug(job: Job) -> EsapError:
    """Return what a user is told of a bug; its traceback is for the log."""
    return EsapError(
        "The gateway made a mistake in this job. If it happens again, tell the operator its id, "
        f"{job.pk}."
    )


def is_away(error: EsapError) -> bool:
    """Say whether the error means that a peer cannot be reached, and so has done nothing."""
    return isinstance(error, BackendUnavailable) and not isinstance(error, BackendTimedOut)


def next_try(job: Job) -> datetime:
    """Return when to try again with a peer that is away: the longer it lasts, the later."""
    age = (timezone.now() - job.created).total_seconds()
    return in_seconds(min(max(age * _SHARE_OF_AGE, _SHORTEST), _LONGEST))


def next_login() -> datetime:
    """Return when to see whether a user has logged in; a login itself makes it at once."""
    return in_seconds(_LOGIN_SECONDS)
