"""What every request that creates a job has in common: the key that it may carry, and the limits."""

from django.contrib.auth.models import AbstractBaseUser
from rest_framework.request import Request

from esap.api.in_flight import caller_key
from esap.api.ratelimit import Quota, rate_limits
from esap.jobs.idempotency import Once, same_request
from esap.jobs.limits import ALL_KINDS
from esap.jobs.services import usage

__all__ = ["mark_of", "user_of", "what_is_left"]

_LONGEST_CALLER = 80


def mark_of(request: Request, asked: object) -> Once | None:
    """Return the mark by which the same request is known again; None without `Idempotency-Key`.

    `asked` is the body, as JSON values.
    """
    return same_request(
        request.headers.get("Idempotency-Key"),
        caller=caller_key(request)[:_LONGEST_CALLER],
        asked=[request.path.rstrip("/"), asked],
    )


def what_is_left(request: Request, kind: str) -> dict[str, str]:
    """Return the headers that tell how many more jobs, and how many of this kind, are let in."""
    counts = (ALL_KINDS, kind)
    return rate_limits(
        Quota(used.what, used.limit, used.left)
        for used in usage(user_of(request))
        if used.what in counts
    )


def user_of(request: Request) -> AbstractBaseUser | None:
    """Return who asks; None for somebody who has not logged in."""
    return request.user if request.user.is_authenticated else None
