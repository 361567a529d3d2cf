"""The paths of the events process, the same in both processes; deploy/nginx.conf has them, too."""

import re
from collections.abc import Collection
from uuid import UUID

from esap.jobs.waiting import UWS_WAITS_IN, WAITS_IN

__all__ = ["ALL_EVENTS", "JOB_EVENTS", "SEARCH_EVENTS", "waited_for"]

_ID = r"(?P<job_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
ALL_EVENTS = r"^jobs/events/?$"
JOB_EVENTS = rf"^jobs/{_ID}/events/?$"
# A search's id is that of its job, so its events are the job's.
SEARCH_EVENTS = rf"^query/searches/{_ID}/events/?$"

_JOBS = {
    re.compile(rf"^/esap-api/jobs/{_ID}/?$"): WAITS_IN,
    re.compile(rf"^/esap-api/uws/(?:jobs|async)/{_ID}/?$"): UWS_WAITS_IN,
}


def waited_for(path: str) -> tuple[UUID, Collection[str]] | None:
    """Return the job at a path that can be asked for with a wait, and in which phases it is held.

    None for other paths. The gateway's own views answer there, in both processes.
    """
    for pattern, phases in _JOBS.items():
        if match := pattern.match(path):
            return UUID(match["job_id"]), phases
    return None
