"""Jobs that do not go on as they should, and why, in words for operators."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.utils import timezone

from esap.jobs.models import Job, Phase, Watch
from esap.jobs.queue import QUEUED, with_since
from esap.jobs.watches import look_soon_for

__all__ = ["REASONS", "Reason", "all_stuck", "hurry", "with_reasons"]

LATE = timedelta(seconds=60)
"""So much later than due is later than any sweeper comes by: it does so every few seconds."""

LONG = timedelta(minutes=10)
"""So long a job may wait for a worker, or something that ended for us run on at a peer."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why jobs are stuck: which ones are at a moment, and what an operator is told of each."""

    title: str
    sentence: str
    where: Callable[[datetime], Q]


def _overrun(now: datetime) -> Q:
    # A lease that ended is looked at twice, half a lease apart.
    patience = LATE + timedelta(seconds=settings.JOB_LEASE_SECONDS)
    return Q(ended__isnull=True, lease__isnull=False, due__lte=now - patience)


def _in_queue(now: datetime) -> Q:
    return QUEUED & Q(since__lte=now - LONG)


def _overdue(now: datetime) -> Q:
    return Q(ended__isnull=True, lease__isnull=True, due__lte=now - LATE)


def _unknown(_now: datetime) -> Q:
    return Q(phase=Phase.UNKNOWN)


def _away(_now: datetime) -> Q:
    away = Watch.objects.filter(away_since__isnull=False)
    return Q(ended__isnull=True, gathers=False, peer__in=away.values("peer")) & ~Q(peer="")


def _leftover(now: datetime) -> Q:
    return Q(ended__isnull=False, due__lte=now - LONG)


REASONS: Mapping[str, Reason] = {
    "lease": Reason(
        "lost by its worker",
        "Its worker gave no sign of life, and no sweeper has taken it up. Does the clock go?",
        _overrun,
    ),
    "overdue": Reason(
        "overlooked",
        "It was due to be looked at, and was not. Does the clock go, and the broker answer?",
        _overdue,
    ),
    "queue": Reason(
        "queued too long",
        "It has waited for a worker for more than ten minutes. Do the workers live, and are they "
        "enough?",
        _in_queue,
    ),
    "unknown": Reason(
        "unknown at its peer",
        "Its peer does not know it just now. It fails if that stays so.",
        _unknown,
    ),
    "away": Reason(
        "its peer is away",
        "Its peer does not answer. It goes on when the peer is back.",
        _away,
    ),
    "leftover": Reason(
        "still to be stopped",
        "It has ended here, and its peer has not yet been told to stop it.",
        _leftover,
    ),
}
"""By name, the most telling first: a job that is stuck for several is shown with one."""


def with_reasons(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Return the same jobs, each with the name of why it is `stuck`; empty if it is not."""
    now = timezone.now()
    return with_since(jobs).annotate(
        stuck=Case(
            *(When(reason.where(now), then=Value(name)) for name, reason in REASONS.items()),
            default=Value(""),
            output_field=CharField(),
        )
    )


def all_stuck(jobs: QuerySet[Any], name: str = "") -> QuerySet[Any]:
    """Return those of jobs with reasons that are stuck, for this reason or any."""
    # Says nothing new, but lets the database leave out what has ended.
    jobs = jobs.filter(Q(ended__isnull=True) | Q(due__isnull=False))
    return jobs.filter(stuck=name) if name else jobs.exclude(stuck="")


def hurry(job: Job) -> None:
    """Have a job looked at by the next sweeper, and its peer asked at once.

    What a worker has just now stays with it as long as its lease lasts.
    """
    now = timezone.now()
    Job.objects.filter(pk=job.pk, lease__isnull=True, due__gt=now).update(due=now)
    look_soon_for(job)
