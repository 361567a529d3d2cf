"""Parents and their parts: a parent that gathers is what its children make it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, DateTimeField, Max, Min, Value, When
from django.utils import timezone

from esap.api.problems import problem_document
from esap.errors import PartsFailed
from esap.jobs.models import ENDED, UNFINISHED, Event, Job, Phase

__all__ = ["abort_parts", "aborted", "follow_parts", "lock_ancestors", "parts_of"]

_MOST_TOLD = 20
_WAITING = (Phase.PENDING, Phase.HELD, Phase.SUSPENDED, Phase.UNKNOWN)


def lock_ancestors(job: Job) -> None:
    """Take the rows above a job, the topmost first, so that its line moves one at a time."""
    line: list[UUID] = []
    above = job.parent_id
    while above is not None:
        line.append(above)
        above = Job.objects.filter(pk=above).values_list("parent_id", flat=True).first()
    for ancestor in reversed(line):
        Job.objects.select_for_update().filter(pk=ancestor).values_list("pk").first()


def follow_parts(parent_id: UUID | None) -> None:
    """Bring a gathering parent, and those above it, to what its parts now make it.

    The caller has locked the line: two parts that end together would otherwise each see the other
    unfinished, and the parent would never end.
    """
    while parent_id is not None:
        parent = Job.objects.get(pk=parent_id)
        if not parent.gathers or not _followed(parent):
            return
        parent_id = parent.parent_id


def parts_of(job: Job) -> list[Job]:
    """Return all jobs below a job, parents before their children."""
    found: list[Job] = []
    level = [job.pk]
    while level:
        found += Job.objects.filter(parent__in=level).order_by("created", "pk")
        level = _with_parts(level)
    return found


def abort_parts(job: Job, now: datetime) -> None:
    """End all unfinished parts of a locked parent because nobody wants them any more."""
    level = [job.pk]
    while level:
        parts = Job.objects.filter(parent__in=level, phase__in=UNFINISHED)
        ids = list(parts.select_for_update().order_by("pk").values_list("pk", flat=True))
        if not ids:
            return
        parts.update(phase=Phase.ABORTED, **aborted(now))
        Event.objects.bulk_create(
            Event(job_id=pk, name="phase", data={"phase": Phase.ABORTED.value}) for pk in ids
        )
        level = _with_parts(level)


def aborted(now: datetime) -> dict[str, Any]:
    """Return how a row is when nobody wants the job any more.

    What was handed to a peer is due: it has to be stopped there, too.
    """
    at_peer = When(submitting__isnull=False, then=Value(now))
    return {
        "ended": now,
        "lease": None,
        "silent": False,
        "waits_for": "",
        "due": Case(at_peer, default=Value(None), output_field=DateTimeField()),
    }


def _with_parts(level: list[UUID]) -> list[UUID]:
    """Return the children that have children of their own."""
    below = Job.objects.filter(parent__in=level, children__isnull=False)
    return list(below.order_by().values_list("pk", flat=True).distinct())


def _followed(parent: Job) -> bool:
    """Change the parent as its parts say, and tell; return whether its phase changed."""
    counts: Counter[str] = Counter()
    started, ended = [], []
    rows = Job.objects.filter(parent=parent.pk).order_by().values_list("phase")
    for phase, count, first, last in rows.annotate(Count("pk"), Min("started"), Max("ended")):
        counts[phase] = count
        started += [first] if first else []
        ended += [last] if last else []
    target = _phase(parent, counts)
    changes: dict[str, object] = {}
    events: list[tuple[str, object]] = []
    fraction, sentence = _progress(counts)
    if _worth_telling(parent, fraction, target):
        changes |= {"progress_fraction": fraction, "progress_sentence": sentence}
        events.append(("progress", {"fraction": fraction, "sentence": sentence}))
    if target != parent.phase:
        changes |= {
            "phase": target,
            "started": min(started, default=parent.started),
            "ended": max(ended, default=timezone.now()) if target in ENDED else None,
            "problem": _problem(parent, counts) if target == Phase.ERROR else None,
        }
        if target == Phase.ERROR:
            events.append(("problem", changes["problem"]))
        events.append(("phase", {"phase": target.value}))
    if changes:
        Job.objects.filter(pk=parent.pk).update(**changes)
        Event.objects.bulk_create(
            Event(job_id=parent.pk, name=name, data=data) for name, data in events
        )
    return "phase" in changes


def _phase(parent: Job, counts: Counter[str]) -> Phase:
    """Return what the parts make of a parent.

    One that has ended by itself (it was aborted) stays so, until a part of it is retried.
    """
    phases = [phase for phase in Phase if counts[phase]]
    unfinished = [phase for phase in phases if phase in UNFINISHED]
    if unfinished:
        if len(unfinished) == 1 and unfinished[0] in _WAITING:
            return unfinished[0]
        begun = Phase.EXECUTING in phases or len(unfinished) < len(phases)
        return Phase.EXECUTING if begun else Phase.QUEUED
    if parent.phase in ENDED or not phases:
        return Phase(parent.phase)
    if Phase.ERROR in phases:
        return Phase.ERROR
    # What nobody wanted any more is not missing from the rest.
    return Phase.ABORTED if phases == [Phase.ABORTED] else Phase.COMPLETED


def _progress(counts: Counter[str]) -> tuple[float | None, str]:
    total, done = counts.total(), sum(counts[phase] for phase in ENDED)
    if not done:
        return (0.0, f"0 of {total} parts") if total else (None, "")
    spoilt = {
        "failed": counts[Phase.ERROR],
        "aborted": counts[Phase.ABORTED],
    }
    rest = "".join(f", {count} {what}" for what, count in spoilt.items() if count)
    return done / total, f"{done} of {total} parts{rest}"


def _worth_telling(parent: Job, fraction: float | None, target: Phase) -> bool:
    """Tell each hundredth only: of ten thousand parts, each would be an event."""
    if fraction is None or fraction == parent.progress_fraction:
        return False
    if target in ENDED or parent.progress_fraction is None:
        return True
    return abs(fraction - parent.progress_fraction) >= 0.01  # noqa: PLR2004 - a hundredth


def _problem(parent: Job, counts: Counter[str]) -> dict[str, object]:
    failed, total = counts[Phase.ERROR], counts.total()
    rows = Job.objects.filter(parent=parent.pk, phase=Phase.ERROR).order_by("created", "pk")
    return problem_document(
        PartsFailed(
            f"{failed} of {total} parts failed; the results of the others are kept. "
            "Retry the job to run only the failed parts again.",
            failed=failed,
            total=total,
            parts=_told(rows[:_MOST_TOLD]),
        )
    )


def _told(jobs: Iterable[Job]) -> list[dict[str, object]]:
    return [
        {
            "job": str(job.pk),
            "kind": job.kind,
            "slug": (job.problem or {}).get("slug", ""),
            "detail": (job.problem or {}).get("detail", ""),
        }
        for job in jobs
    ]
