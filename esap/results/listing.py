"""Stored tables as results in the record of their job."""

from uuid import UUID

from django.urls import reverse

from esap.jobs.services import Result
from esap.results.storage import Stored
from esap.tables.encoders import ENCODERS

__all__ = ["listed"]


def listed(job_id: UUID, stored: Stored) -> Result:
    """Return what the job tells of a stored table; at the link it comes in any format."""
    link = reverse("job-result-detail", args=[job_id, stored.name]).rstrip("/")
    return Result(stored.name, ENCODERS["parquet"].media_type, link, stored.size)
