"""What a peer says of a job, written into the job; and nothing, if it says nothing new."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from esap.api.problems import problem_document
from esap.errors import BackendFailed, EsapError
from esap.jobs.models import ENDED, UNFINISHED, Job, Phase
from esap.jobs.remote import State
from esap.jobs.rows import Happening, change, in_seconds, move, shortened

__all__ = ["observe", "observe_missing"]

_MISSING_SECONDS = 600.0
_NEW_SECONDS = 60.0
_WORTH_TELLING = timedelta(minutes=1)


def observe(job: Job, state: State) -> bool:
    """Bring a job to what its peer says; return whether that was news.

    `WrongPhase` if the job has ended meanwhile, or is another one at the peer since a retry.
    """
    changes, events = _news(job, state)
    if state.phase == job.phase:
        if changes:
            change(job, UNFINISHED, events, where=_same(job), **changes)
        return bool(changes.keys() - {"quote"})
    now = timezone.now()
    if state.phase in ENDED:
        made = [asdict(result) for result in state.results]
        events += [("result", result) for result in made]
        changes |= {"ended": now, "results": made, "waits_for": "", "due": None}
        if state.phase == Phase.ERROR:
            problem = problem_document(state.problem or _failed(job))
            changes["problem"] = problem
            events.append(("problem", problem))
    if job.started is None and (state.phase == Phase.EXECUTING or state.started):
        changes["started"] = state.started or now
    move(job, UNFINISHED, state.phase, where=_same(job), happened=events, **changes)
    return True


def observe_missing(job: Job) -> bool:
    """Note that the peer does not know a job; it has failed when that stays so."""
    now = timezone.now()
    if job.phase == Phase.UNKNOWN:
        if job.due is None or job.due > now:
            return False
        return observe(job, State(phase=Phase.ERROR, problem=_forgotten(job)))
    if job.submitting and (now - job.submitting).total_seconds() < _NEW_SECONDS:
        return False  # Many peers show a new job only after a while.
    move(
        job,
        UNFINISHED,
        Phase.UNKNOWN,
        where=_same(job),
        waits_for=f"{job.peer} does not know this job just now.",
        due=in_seconds(_MISSING_SECONDS),
    )
    return True


def _same(job: Job) -> dict[str, object]:
    return {"remote_id": job.remote_id, "round": job.round}


def _news(job: Job, state: State) -> tuple[dict[str, Any], list[Happening]]:
    """Return what of the state is new, apart from the phase and the end."""
    changes: dict[str, Any] = {}
    events: list[Happening] = []
    sentence = shortened(state.sentence)
    if (state.fraction, sentence) != (job.progress_fraction, job.progress_sentence) and (
        state.fraction is not None or sentence
    ):
        changes |= {"progress_fraction": state.fraction, "progress_sentence": sentence}
        events.append(("progress", {"fraction": state.fraction, "sentence": sentence}))
    waits_for = shortened(state.waits_for)
    if waits_for != job.waits_for:
        changes["waits_for"] = waits_for
        if waits_for:
            events.append(("message", {"sentence": waits_for}))
    if _moved(job.quote, state.expected):
        changes["quote"] = state.expected
    if job.due is not None:
        changes["due"] = None
    return changes, events


def _moved(before: datetime | None, now: datetime | None) -> bool:
    if before is None or now is None:
        return before is not now
    return abs(before - now) >= _WORTH_TELLING


def _failed(job: Job) -> EsapError:
    return BackendFailed(f"The job failed at {job.peer}, which does not say why.", peer=job.peer)


def _forgotten(job: Job) -> EsapError:
    return BackendFailed(
        f"{job.peer} does not know this job any more. What became of it cannot be told; retry it.",
        peer=job.peer,
    )
