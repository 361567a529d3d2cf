"""Figures of jobs, as the database has them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Avg, Count, F, Min, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from esap.jobs.models import Job
from esap.jobs.queue import oldest_in_queue

__all__ = ["figures"]


def figures() -> Iterable[Metric]:
    """Tell how many jobs there are of each kind and phase, and what is late."""
    return [*_by_phase(), *_late()]


def _by_phase() -> Iterable[Metric]:
    """Count all jobs that are kept: those that ended, too, until they are destroyed."""
    count = GaugeMetricFamily(
        "esap_jobs", "Jobs that are kept, by kind and phase.", labels=["kind", "phase"]
    )
    seconds = GaugeMetricFamily(
        "esap_job_seconds",
        "Mean seconds from the start to the end of the jobs that are kept and have ended.",
        labels=["kind", "phase"],
    )
    rows = (
        Job.objects.order_by("kind", "phase")
        .values_list("kind", "phase")
        .annotate(jobs=Count("pk"), ran=Avg(F("ended") - F("started")))
    )
    for kind, phase, jobs, ran in rows:
        count.add_metric([kind, phase], jobs)
        if ran is not None:
            seconds.add_metric([kind, phase], ran.total_seconds())
    return [count, seconds]


def _late() -> Iterable[Metric]:
    now = timezone.now()
    due = Job.objects.filter(due__lte=now).aggregate(
        jobs=Count("pk"), lease=Min("due", filter=Q(lease__isnull=False))
    )
    yield GaugeMetricFamily(
        "esap_jobs_due", "Jobs that the sweeper should look at by now.", value=due["jobs"]
    )
    yield GaugeMetricFamily(
        "esap_job_lease_overrun_seconds",
        "Seconds since the lease ended that ended first, of a job that a worker has.",
        value=_seconds(due["lease"], now),
    )
    yield GaugeMetricFamily(
        "esap_job_queued_seconds",
        "Seconds that the oldest job has waited for a worker.",
        value=_seconds(oldest_in_queue(), now),
    )


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
