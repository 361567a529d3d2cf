"""The queue of our own workers: which jobs wait in it, and since when."""

from datetime import datetime

from django.db.models import DateTimeField, Min, OuterRef, Q, QuerySet, Subquery

from esap.jobs.models import Event, Job, Phase

__all__ = ["QUEUED", "oldest_in_queue", "with_since"]

QUEUED = Q(
    phase=Phase.QUEUED,
    due__isnull=False,
    lease__isnull=True,
    remote_id="",
    waits_for="",
    gathers=False,
)
"""A job that waits for a worker, and for nothing else."""


def with_since(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Return the same jobs, with `since` when each is in its phase."""
    # A job may have been queued more than once, so its creation does not tell.
    moves = Event.objects.filter(job=OuterRef("pk"), name="phase").order_by("-id")
    return jobs.annotate(since=Subquery(moves.values("time")[:1], output_field=DateTimeField()))


def oldest_in_queue() -> datetime | None:
    """Return since when the job waits that has waited longest; None if none does."""
    queued = with_since(Job.objects.filter(QUEUED))
    oldest: datetime | None = queued.aggregate(oldest=Min("since"))["oldest"]
    return oldest
