"""UWS jobs before they run: written down, completed bit by bit, and started."""

from typing import Any

from django.db import transaction

from esap.errors import EsapError, InvalidRequest, WrongPhase
from esap.jobs import moves, services
from esap.jobs.asking import own_kind, refuse_nul, wanted
from esap.jobs.idempotency import Once, made_before, once
from esap.jobs.kinds import Pairs, Part, kind_named, refuse_tokens
from esap.jobs.limits import admit
from esap.jobs.making import make
from esap.jobs.models import Job, Phase
from esap.jobs.rows import change, job_with
from esap.jobs.uws.wording import (
    Asked,
    kept_of,
    kind_in,
    own_words,
    pairs_of,
    peer_in,
    response_format,
)

__all__ = ["draft", "run", "set_parameters"]


def draft(asked: Asked, caller: Any, *, mark: Once | None = None) -> Job:
    """Write a job down, and run it if that is asked, too.

    Until it runs, its parameters need not be complete. Raises `InvalidRequest` for what can never
    be done, `KeyReused`, `SwitchedOff` and `TooManyRequests`.
    """
    if job := made_before(mark):
        return job
    refuse_nul(asked.pairs)
    refuse_tokens([list(pair) for pair in asked.pairs])
    part = Part(
        kind=asked.kind,
        parameters=own_words(own_kind(asked.kind), asked.pairs, caller),
        peer=asked.peer,
        run_id=asked.run_id,
    )
    ready = _ready(part, caller) if asked.runs else None

    def made() -> Job:
        admit(caller, {part.kind: 1})
        job = make(
            part,
            caller,
            Phase.PENDING,
            uws_parameters=list(asked.pairs),
            execution_duration=asked.execution_duration,
        )
        if asked.destruction is not None:
            job = services.keep_until(job, asked.destruction)
        return job if ready is None else _go(job, ready)

    return once(mark, made)[0]


def run(job: Job, caller: Any) -> Job:
    """Start a pending job. What cannot be carried out ends at once, with the reason (UWS ERROR).

    Raises `WrongPhase` if it is not pending.
    """
    if job.phase != Phase.PENDING:
        raise WrongPhase(f"Job {job.pk} is {job.phase}; only a PENDING job can be told to RUN.")
    part = Part(kind=job.kind, parameters=job.parameters, peer=job.peer, run_id=job.run_id)
    return _go(job, _ready(part, caller))


@transaction.atomic
def set_parameters(job: Job, pairs: Pairs, caller: Any) -> Job:
    """Set some parameters of a pending job; the others stay.

    Raises `WrongPhase` for a job that is not pending, and `InvalidRequest`.
    """
    pairs = kept_of(pairs)
    refuse_nul(pairs)
    refuse_tokens([list(pair) for pair in pairs])
    job = Job.objects.select_for_update().get(pk=job.pk)
    given = {name.lower() for name, _ in pairs}
    kept = [(name, text) for name, text in pairs_of(job) if name.lower() not in given] + pairs
    if kind_in(kept) not in {"", job.kind}:
        raise InvalidRequest(f"KIND: it stays what it is, {job.kind}. Make another job.")
    response_format(kept)
    change(
        job,
        (Phase.PENDING,),
        uws_parameters=kept,
        parameters=own_words(kind_named(job.kind), kept, caller),
        peer=peer_in(kept) or job.peer,
    )
    return job_with(job.pk)


def _ready(part: Part, caller: Any) -> Part | EsapError:
    """Return what is to be carried out, or why it cannot be."""
    try:
        return wanted(part, caller)
    except EsapError as error:
        return error


@transaction.atomic
def _go(job: Job, ready: Part | EsapError) -> Job:
    if isinstance(ready, EsapError):
        return moves.fail(moves.start(job), ready)
    change(job, (Phase.PENDING,), parameters=dict(ready.parameters))
    return services.start(job)
