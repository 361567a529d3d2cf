"""When a call is made again, and after how long."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from requests import PreparedRequest, Response

__all__ = ["MOST_RETRIES", "is_passing", "is_repeatable", "pause_before", "retry_after"]

MOST_RETRIES = 2
_FIRST_PAUSE = 0.2


def is_repeatable(request: PreparedRequest, *, idempotent: bool) -> bool:
    """Whether sending the request twice does no more than once; the caller may know it does not."""
    whole = isinstance(request.body, bytes | str | None)  # a stream is gone after the first time
    return whole and (idempotent or request.method in {"GET", "HEAD"})


def is_passing(response: Response) -> bool:
    """Whether the answer tells of a failure that may be gone a moment later."""
    return response.status_code in {502, 503, 504}


def pause_before(retry: int, response: Response | None) -> float:
    """Return the seconds to wait before the first (0) or next retry."""
    asked = retry_after(response) if response is not None else None
    if asked is not None:
        return asked
    # Spread, so that callers who failed together do not come back together.
    return _FIRST_PAUSE * (1 << retry) * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret


def retry_after(response: Response) -> float | None:
    """Return the seconds that the peer asks us to wait (RFC 9110, section 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:  # RFC 5322 writes an unknown zone as -0000
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
