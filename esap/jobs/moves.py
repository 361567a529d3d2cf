"""Everything that may happen to a job: conditional moves, each with its events."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from esap.api.problems import problem_document
from esap.errors import EsapError
from esap.jobs.families import abort_parts, aborted
from esap.jobs.models import UNFINISHED, Job, Phase
from esap.jobs.patience import patient
from esap.jobs.rows import (
    Happening,
    change,
    in_seconds,
    job_with,
    move,
    shortened,
    unless_taken,
)

__all__ = [
    "RING_SECONDS",
    "Result",
    "abort",
    "claim",
    "complete",
    "fail",
    "give_back",
    "hold",
    "is_wanted",
    "note_remote",
    "postpone",
    "progress",
    "record_event",
    "start",
]

RING_SECONDS = 10.0
"""How long a queued job waits for the message about it, before the sweeper sends another."""

_EXECUTING = (Phase.EXECUTING,)
_READY = (Phase.QUEUED, Phase.HELD)


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that a job made: where it is, and what it is."""

    name: str
    media_type: str
    link: str
    size: int | None = None


def start(job: Job) -> Job:
    """Let a job that was only written down be carried out."""
    return move(job, (Phase.PENDING,), Phase.QUEUED, due=in_seconds(RING_SECONDS))


def claim(job_id: UUID) -> Job:
    """Take a queued job for carrying out; of two who try, one gets it and one `WrongPhase`.

    It is the claimer's for `JOB_LEASE_SECONDS`, and longer if `esap.jobs.leases` keeps it. If it
    was begun before, that is told: what was said of it until now does not count.
    """
    job = job_with(job_id)
    return move(
        job,
        _READY,
        Phase.EXECUTING,
        where={"lease__isnull": True, "attempt": job.attempt, "gathers": False},
        told={"again": True} if job.started or job.round > 1 else None,
        started=timezone.now(),
        attempt=job.attempt + 1,
        progress_fraction=None,
        progress_sentence="",
        lease=uuid4(),
        due=in_seconds(settings.JOB_LEASE_SECONDS),
        waits_for="",
    )


def complete(
    job: Job, results: Iterable[Result] = (), *, happened: Iterable[Happening] = ()
) -> Job:
    """End an executing job with what it made, and what is still to be told of it."""
    made = [asdict(result) for result in results]
    return move(
        job,
        _EXECUTING,
        Phase.COMPLETED,
        where=unless_taken(job),
        happened=[*happened, *(("result", result) for result in made)],
        results=made,
        **_ended(),
    )


def fail(job: Job, error: EsapError, *, stop_at_peer: datetime | None = None) -> Job:
    """End an unfinished job with the reason.

    `stop_at_peer` is when to see to it that nothing of it is left at its peer.
    """
    problem = problem_document(error)
    return move(
        job,
        UNFINISHED,
        Phase.ERROR,
        where=unless_taken(job),
        happened=[("problem", problem)],
        problem=problem,
        **{**_ended(), "due": stop_at_peer},
    )


@patient
@transaction.atomic
def abort(job: Job, *, happened: Iterable[Happening] = (), because: EsapError | None = None) -> Job:
    """End an unfinished job, and all its parts, because nobody wants it any more.

    Whoever carries it out learns so within a second or so, and stops; what runs at a peer is
    stopped there soon.
    """
    now = timezone.now()
    problem = problem_document(because) if because else None
    done = move(
        job,
        UNFINISHED,
        Phase.ABORTED,
        happened=[*happened, *([("problem", problem)] if problem else [])],
        problem=problem,
        **aborted(now),
    )
    abort_parts(job, now)
    return done


def hold(job: Job, waits_for: str, until: datetime | None, *, counts: bool = True) -> Job:
    """Keep a job for later because only its user can make it go on, such as by a login.

    Unless it `counts`, the attempt is not one of those that the kind allows.
    """
    if job.phase == Phase.HELD:
        postpone(job, waits_for, until)
        return job_with(job.pk)
    return move(
        job,
        UNFINISHED,
        Phase.HELD,
        where=unless_taken(job),
        happened=[("message", {"sentence": waits_for})],
        attempt=job.attempt if counts else job.attempt - 1,
        waits_for=shortened(waits_for),
        due=until,
        lease=None,
        silent=False,
    )


def postpone(job: Job, waits_for: str, until: datetime | None) -> None:
    """Let a job wait where it is, and say why; that is told once."""
    sentence = shortened(waits_for)
    change(
        job,
        UNFINISHED,
        [("message", {"sentence": waits_for})] if sentence != job.waits_for else [],
        where=unless_taken(job),
        waits_for=sentence,
        due=until,
        lease=None,
        silent=False,
    )


def give_back(job: Job, because: str, *, at: datetime | None = None, counts: bool = True) -> Job:
    """Put a job back into the queue: whoever carried it out cannot end it now.

    Unless it `counts`, the attempt is not one of those that the kind allows. With a time, the job
    waits until then, and says why.
    """
    return move(
        job,
        _EXECUTING,
        Phase.QUEUED,
        where=unless_taken(job),
        happened=[("message", {"sentence": because})],
        attempt=job.attempt if counts else job.attempt - 1,
        waits_for=shortened(because) if at else "",
        due=at or timezone.now(),
        lease=None,
        silent=False,
    )


def progress(job: Job, fraction: float | None, sentence: str = "") -> None:
    """Tell how far an executing job has come: a fraction from 0 to 1, and a sentence."""
    change(
        job,
        _EXECUTING,
        [("progress", {"fraction": fraction, "sentence": sentence})],
        where=unless_taken(job),
        progress_fraction=fraction,
        progress_sentence=shortened(sentence),
    )


def note_remote(job: Job, *, peer: str, remote_id: str) -> None:
    """Keep the id by which the peer knows this job, as soon as it is known."""
    change(job, UNFINISHED, where=unless_taken(job), peer=peer, remote_id=remote_id)


def record_event(job: Job, name: str, data: object) -> None:
    """Add an event to an unfinished job; `WrongPhase` once it has ended.

    So the phase event that ends a job is its last, and a writer learns of an abort by writing.
    """
    change(job, UNFINISHED, [(name, data)], where=unless_taken(job))


@patient
def is_wanted(job: Job) -> bool:
    """Say whether the job is still to be carried out, and by whoever read it."""
    rows = Job.objects.filter(pk=job.pk, phase__in=UNFINISHED, **unless_taken(job))
    return rows.exists()


def _ended() -> dict[str, Any]:
    return {
        "ended": timezone.now(),
        "due": None,
        "lease": None,
        "silent": False,
        "waits_for": "",
    }
