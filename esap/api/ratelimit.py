"""How much a caller may still ask for, as headers (draft-ietf-httpapi-ratelimit-headers-10)."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Quota", "rate_limits"]


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests may be in the works at once, and for how many more there is room.

    `seconds` says when to look again where there is none; when work ends cannot be told before.
    """

    name: str
    limit: int
    left: int
    seconds: int | None = None


def rate_limits(quotas: Iterable[Quota]) -> dict[str, str]:
    """Return the headers that tell the quotas; none if there are no quotas."""
    known = list(quotas)
    if not known:
        return {}
    # No window: what counts is what is in the works, not what came in some time.
    unit = 'qu="concurrent-requests"'
    policies = [f'"{quota.name}";q={quota.limit};{unit}' for quota in known]
    states = [
        f'"{quota.name}";r={quota.left}' + (f";t={quota.seconds}" if quota.seconds else "")
        for quota in known
    ]
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
