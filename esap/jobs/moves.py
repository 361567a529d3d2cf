"""Everything that may change a job: conditional moves, each with its events."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from esap.api.problems import problem_document
from esap.errors import EsapError, NotFound, WrongPhase
from esap.jobs.models import UNFINISHED, Event, Job, Phase

__all__ = [
    "Result",
    "abort",
    "claim",
    "complete",
    "destroy_due",
    "fail",
    "is_wanted",
    "note_remote",
    "progress",
    "record_event",
]

_EXECUTING = (Phase.EXECUTING,)
Happening = tuple[str, object]


@dataclass(frozen=True, slots=True)
class Result:
    """One thing that a job made: where it is, and what it is."""

    name: str
    media_type: str
    link: str
    size: int | None = None


def claim(job_id: UUID) -> Job:
    """Take a queued job for carrying out; of two who try, one gets it and one `WrongPhase`."""
    return _move(job_id, (Phase.QUEUED,), Phase.EXECUTING, started=timezone.now())


def complete(
    job: Job, results: Iterable[Result] = (), *, happened: Iterable[Happening] = ()
) -> Job:
    """End an executing job with what it made, and what is still to be told of it."""
    made = [asdict(result) for result in results]
    return _move(
        job.pk,
        _EXECUTING,
        Phase.COMPLETED,
        happened=[*happened, *(("result", result) for result in made)],
        ended=timezone.now(),
        results=made,
    )


def fail(job: Job, error: EsapError) -> Job:
    """End an unfinished job with the reason."""
    problem = problem_document(error)
    return _move(
        job.pk,
        UNFINISHED,
        Phase.ERROR,
        happened=[("problem", problem)],
        ended=timezone.now(),
        problem=problem,
    )


def abort(job: Job, *, happened: Iterable[Happening] = ()) -> Job:
    """End an unfinished job because nobody wants it any more.

    Whoever carries it out learns so within a second or so, and stops.
    """
    return _move(job.pk, UNFINISHED, Phase.ABORTED, happened=happened, ended=timezone.now())


def progress(job: Job, fraction: float | None, sentence: str = "") -> None:
    """Tell how far an executing job has come: a fraction from 0 to 1, and a sentence."""
    _change(
        job.pk,
        _EXECUTING,
        [("progress", {"fraction": fraction, "sentence": sentence})],
        progress_fraction=fraction,
        progress_sentence=sentence,
    )


def note_remote(job: Job, *, peer: str, remote_id: str) -> None:
    """Keep the id by which the peer knows this job, as soon as it is known."""
    _change(job.pk, UNFINISHED, [], peer=peer, remote_id=remote_id)


def record_event(job: Job, name: str, data: object) -> None:
    """Add an event to an unfinished job; `WrongPhase` once it has ended.

    So the phase event that ends a job is its last, and a writer learns of an abort by writing.
    """
    _change(job.pk, UNFINISHED, [(name, data)])


def destroy_due() -> int:
    """Delete the jobs whose destruction time has come (UWS 1.1, section 2.1.9); return how many.

    One that has not ended by then goes too: whoever carries it out learns that nobody wants it.
    """
    _, deleted = Job.objects.filter(destruction__lte=timezone.now()).delete()
    return deleted.get("jobs.Job", 0)


def is_wanted(job: Job) -> bool:
    """Say whether the job is still to be carried out."""
    return Job.objects.filter(pk=job.pk, phase__in=UNFINISHED).exists()


def _move(
    job_id: UUID,
    origins: Collection[Phase],
    target: Phase,
    *,
    happened: Iterable[Happening] = (),
    **changes: object,
) -> Job:
    events = [*happened, ("phase", {"phase": target.value})]
    _change(job_id, origins, events, phase=target, **changes)
    return Job.objects.get(pk=job_id)


@transaction.atomic
def _change(
    job_id: UUID, origins: Collection[Phase], events: Iterable[Happening], **changes: object
) -> None:
    """Change a row that is in one of the phases, and tell, in one transaction.

    The one UPDATE decides races. Its row lock, or the one asked for where nothing changes, puts
    this job's events in their order (SQLite has taken its only write lock at BEGIN IMMEDIATE).
    """
    rows = Job.objects.filter(pk=job_id, phase__in=origins)
    held = rows.update(**changes) if changes else len(rows.select_for_update().values_list("pk"))
    if not held:
        raise _refusal(job_id)
    Event.objects.bulk_create(Event(job_id=job_id, name=name, data=data) for name, data in events)


def _refusal(job_id: UUID) -> EsapError:
    phase = Job.objects.filter(pk=job_id).values_list("phase", flat=True).first()
    if phase is None:
        return NotFound(f"There is no job {job_id} any more.")
    return WrongPhase(f"Job {job_id} is {phase}, which does not allow this.")
