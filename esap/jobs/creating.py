"""What all requests that create jobs have in common: a key that they may carry, and limits."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from esap.api.in_flight import caller_key
from esap.api.ratelimit import Quota, rate_limits
from esap.api.refusal import Refusal
from esap.errors import LoginRequired
from esap.jobs.asking import refuse_nobody
from esap.jobs.idempotency import Once, same_request
from esap.jobs.limits import ALL_KINDS
from esap.jobs.services import usage

__all__ = ["CREATING", "MakesJobs", "mark_of", "what_is_left"]

CREATING = [
    OpenApiParameter(
        "Idempotency-Key",
        location=OpenApiParameter.HEADER,
        description="A text of your own, in double quotes, such as a UUID: the same request with "
        "the same key makes one job, however often it comes within 24 hours.",
    ),
    OpenApiParameter(
        "Prefer",
        location=OpenApiParameter.HEADER,
        description="`respond-async` (RFC 7240): a worker does it. A search may add `wait=10`, "
        "for the answer itself if it comes within so many seconds, 10 at most. To wait longer, "
        "ask for the job.",
    ),
]
"""The headers that a request may have which creates a job, for the schema."""

_LONGEST_CALLER = 80


class MakesJobs(BasePermission):
    """Let in who can own a job; to others, say how to become such a one."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raise what DRF knows as a refusal, so that it shows no form to somebody who may not."""
        try:
            refuse_nobody(request.user)
        except LoginRequired as refusal:
            raise Refusal(refusal) from refusal
        return True


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
        for used in usage(request.user)
        if used.what in counts
    )
