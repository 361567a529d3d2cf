"""What is kept of a user's jobs, for the copy that the user takes."""

from typing import Any

import orjson
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import TextField
from django.db.models.functions import Cast

from esap.api.export import rows, with_parts
from esap.jobs.models import Event
from esap.jobs.services import jobs_of

__all__ = ["jobs_held"]

_JOB = (
    "id kind phase run_id parent_id parameters uws_parameters peer remote_id waits_for "
    "progress_fraction progress_sentence results problem created started ended destruction "
    "execution_duration"
)


# Rows of a table travel through events: they are passed on without being read.
_AS_TEXT = Cast("data", TextField())


def jobs_held(user: AbstractBaseUser) -> tuple[str, Any]:
    """Return the jobs of a user with their events, one job at a time."""
    mine = jobs_of(user)
    events = rows(
        Event.objects.filter(job__in=mine), "job_id name time", "job_id", "id", text=_AS_TEXT
    )
    return "jobs", with_parts(
        rows(mine, _JOB, "id"), map(_as_stored, events), name="events", whole="job_id"
    )


def _as_stored(event: dict[str, Any]) -> dict[str, Any]:
    data = orjson.Fragment(event.pop("text"))
    return {**event, "data": data}
