"""Requests that wait for a new job in a thread of the gateway: a few at a time, and not for long.

`Prefer: wait=10` (RFC 7240, section 4.3) comes with the request that makes the job, and whoever
sends it wants one answer. To wait longer is for the events process, which needs no threads.
"""

import threading
import time
from collections.abc import Callable

from rest_framework.request import Request

from esap.api.preferences import preferences
from esap.jobs.models import ENDED, Job

__all__ = ["MOST_SECONDS", "ended_within", "preferred_wait"]

MOST_SECONDS = 10
MOST_WAITING = 8
"""Of the 32 threads of a gateway, so many may wait for workers."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5
_PLACES = threading.BoundedSemaphore(MOST_WAITING)


def preferred_wait(request: Request) -> int:
    """Return how many seconds of those that a request would wait for an answer it may wait.

    0 if it would not. What is no number of seconds is not an error: a preference may be ignored.
    """
    text = preferences(request).get("wait", "")
    return min(int(text), MOST_SECONDS) if text.isascii() and text.isdecimal() else 0


def ended_within(
    job: Job, seconds: float, unwanted: Callable[[], bool] = lambda: False
) -> Job | None:
    """Wait for the end of a job, and return it as it is then; None if there was no place to wait.

    A job whose end did not come is returned as well. It is looked at less and less often.
    """
    if not _PLACES.acquire(blocking=False):
        return None
    try:
        ends = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while job.phase not in ENDED and not unwanted():
            left = ends - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            job.refresh_from_db(fields=["phase"])
        job.refresh_from_db()
        return job
    finally:
        _PLACES.release()
