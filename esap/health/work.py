"""Whether jobs are carried out: the broker, the workers, the clock, and how long jobs wait."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import DatabaseError
from django.utils import timezone

from esap.health.broker import messages_waiting
from esap.health.signs import LIVELY_SECONDS, clock_seen, workers_seen
from esap.jobs.queue import oldest_in_queue

__all__ = ["LONG_SECONDS", "Work", "missing", "state_of_work"]

LONG_SECONDS = 600.0
"""A job that waited so long for a worker, while workers live, says that there are too few."""

_NO_WORKER = (
    "No worker lives, so jobs wait. Start one: celery --app=esap.celery worker (docker compose up "
    "--detach worker). If one runs, see in its log whether it reaches the broker, and that it "
    "shares ESAP_DATA_DIR with the gateway."
)
_NO_CLOCK = (
    "The clock does not go, so nothing is looked after when something dies. Start it: python -m "
    "esap.clock (docker compose up --detach clock)."
)


@dataclass(frozen=True, slots=True)
class Work:
    """How the carrying out of jobs stands; times are seconds.

    None for what cannot be known: `waiting_messages` without the broker, `oldest_waiting` without
    the database or when no job waits, `clock_seen` if the clock never went.
    """

    workers: int
    clock_seen: float | None
    waiting_messages: int | None
    oldest_waiting: float | None

    def wrong(self) -> Mapping[str, str]:
        """Return what is wrong, by name: a sentence that says what to do."""
        found = dict(missing())
        if self.waiting_messages is None:
            found["broker"] = (
                "The message broker does not answer, so workers hear of no new jobs. Start it; no "
                "job is lost meanwhile."
            )
        if self.workers and (self.oldest_waiting or 0.0) > LONG_SECONDS:
            found["queue"] = (
                f"A job has waited for a worker for {int(self.oldest_waiting or 0)} s: start more "
                "workers, or see what keeps those that live."
            )
        return found


def state_of_work() -> Work:
    """Ask the broker, the database and the signs of life."""
    return Work(
        workers=len(workers_seen()),
        clock_seen=clock_seen(),
        waiting_messages=messages_waiting(),
        oldest_waiting=_oldest_waiting(),
    )


def missing() -> Mapping[str, str]:
    """Return which processes give no sign of life, by name; only files are looked at."""
    found = {}
    if not workers_seen():
        found["workers"] = _NO_WORKER
    seen = clock_seen()
    if seen is None or seen > LIVELY_SECONDS:
        found["clock"] = _NO_CLOCK
    return found


def _oldest_waiting() -> float | None:
    try:
        since = oldest_in_queue()
    except DatabaseError:
        return None
    return round((timezone.now() - since).total_seconds(), 1) if since else None
