"""The queue of our own workers: which jobs wait in it, and since when."""

from datetime import datetime

from django.db.models import DateTimeField, Min, OuterRef, QuerySet, Subquery

from esap.jobs.models import Event, Job, Phase

__all__ = ["oldest_in_queue", "queued"]


def queued() -> QuerySet[Job]:
    """Return the jobs that wait for a worker and nothing else, with `since` when."""
    # A job may have been queued more than once, so its creation does not tell.
    moves = Event.objects.filter(job=OuterRef("pk"), name="phase").order_by("-id")
    since = Subquery(moves.values("time")[:1], output_field=DateTimeField())
    return Job.objects.filter(
        phase=Phase.QUEUED,
        due__isnull=False,
        lease__isnull=True,
        remote_id="",
        waits_for="",
        gathers=False,
    ).annotate(since=since)


def oldest_in_queue() -> datetime | None:
    """Return since when the job waits that has waited longest; None if none does."""
    oldest: datetime | None = queued().aggregate(oldest=Min("since"))["oldest"]
    return oldest
