"""The paths of events, the same in both processes."""

__all__ = ["JOB_EVENTS", "SEARCH_EVENTS"]

_ID = r"(?P<job_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
JOB_EVENTS = rf"^jobs/{_ID}/events/?$"
# A search's id is that of its job, so its events are the job's.
SEARCH_EVENTS = rf"^query/searches/{_ID}/events/?$"
