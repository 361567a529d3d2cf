"""Fair use: how much work one user may have in flight, altogether and of each kind."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, QuerySet

from esap.errors import SwitchedOff, TooManyRequests
from esap.jobs.kinds import all_kinds
from esap.jobs.models import Job

__all__ = ["Usage", "admit", "is_switched_off", "limit_of", "one_at_a_time", "usage"]

ALL_KINDS = "jobs"
_MOST_TOLD = 10
_RETRY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of a limit is used: `what` is a kind of job, or "jobs" for all of them."""

    what: str
    running: int
    limit: int

    @property
    def left(self) -> int:
        """How many more are let in."""
        return max(0, self.limit - self.running)


def admit(owner: Any, kinds: Mapping[str, int], *, jobs: int = 1) -> None:
    """Let in so many new jobs of each kind, or refuse them all; within the caller's transaction.

    `jobs` is how many of them stand for themselves: parts count for their kind only. What the
    gateway does for nobody has no limit. Raises `SwitchedOff` or `TooManyRequests`.
    """
    for kind in kinds:
        if is_switched_off(kind):
            raise SwitchedOff(
                f"The operator has switched off jobs of kind {kind} for now. Try again later.",
                kind=kind,
            )
    if owner is None:
        return
    one_at_a_time(owner)
    for used in _usage(owner, kinds):
        asked = jobs if used.what == ALL_KINDS else kinds[used.what]
        if asked > used.left:
            raise _too_many(owner, used, asked)


def usage(owner: Any) -> list[Usage]:
    """Return how much of each limit a user has in flight, that of all kinds together first."""
    return _usage(owner, all_kinds())


def limit_of(kind: str) -> int | None:
    """Return how many jobs of a kind one user may have in flight; None where only all count."""
    if kind in settings.JOBS_LIMITS:
        return int(settings.JOBS_LIMITS[kind])
    known = all_kinds().get(kind)
    return known.limit if known else None


def is_switched_off(kind: str) -> bool:
    """Say whether the operator wants no job of this kind to begin."""
    return limit_of(kind) == 0 or settings.JOBS_IN_FLIGHT == 0


def _usage(owner: Any, limited: Iterable[str]) -> list[Usage]:
    counts = {ALL_KINDS: 0}
    rows = _in_flight(owner).order_by().values_list("kind")
    alone = Count("pk", filter=Q(parent__isnull=True))
    for kind, count, not_parts in rows.annotate(count=Count("pk"), alone=alone):
        counts[kind] = count
        counts[ALL_KINDS] += not_parts
    limits = {ALL_KINDS: int(settings.JOBS_IN_FLIGHT)} | {
        what: limit_of(what) for what in limited if what != ALL_KINDS
    }
    return [
        Usage(what, counts.get(what, 0), limit)
        for what, limit in limits.items()
        if limit is not None
    ]


def _in_flight(owner: Any) -> QuerySet[Job]:
    return Job.objects.filter(owner=owner, ended__isnull=True)


def one_at_a_time(owner: Any) -> None:
    """Have whoever else submits for the same user wait until this transaction has ended.

    Two who count at the same time would both find the last free place. On SQLite they wait already:
    a transaction takes the one write lock when it begins.
    """
    if owner is not None and connection.vendor == "postgresql":
        whose = hashlib.sha256(f"jobs of {owner.pk}".encode()).digest()
        with connection.cursor() as cursor:
            number = int.from_bytes(whose[:8], signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _too_many(owner: Any, used: Usage, asked: int) -> TooManyRequests:
    kind = None if used.what == ALL_KINDS else used.what
    what = (
        f"{used.running} job{'' if used.running == 1 else 's'}{f' of kind {kind}' if kind else ''}"
    )
    more = f", and this asks for {asked} more" if asked > 1 else ""
    jobs = _in_flight(owner).order_by("created", "pk")
    jobs = jobs.filter(kind=kind) if kind else jobs.filter(parent__isnull=True)
    return TooManyRequests(
        f"You have {what} under way{more}; {used.limit} is all that is allowed at once. Wait for "
        "one to end, or abort it.",
        policy=used.what,
        running=used.running,
        limit=used.limit,
        jobs=[
            {"id": str(job.pk), "kind": job.kind, "phase": job.phase} for job in jobs[:_MOST_TOLD]
        ],
        retry_after=_RETRY_SECONDS,
    )
