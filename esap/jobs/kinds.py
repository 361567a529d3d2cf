"""The kinds of jobs there are, as the rooms name them in their `jobs.py`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BaseModel, ValidationError

from esap.errors import EsapError, InvalidRequest
from esap.jobs.models import Job
from esap.jobs.moves import Result
from esap.jobs.remote import Follower
from esap.redaction import carries_token

__all__ = [
    "JobKind",
    "Pairs",
    "Part",
    "Submit",
    "SubmitMany",
    "Wording",
    "all_kinds",
    "checked_parameters",
    "kind_named",
    "one_of_each",
    "refuse_tokens",
]


Submit = Callable[[Job], str]
"""Hands a job over to its peer and returns the peer's id of it."""

SubmitMany = Callable[[Sequence[Job]], Mapping[UUID, str | EsapError]]
"""Hands over several jobs; returns for each, by its key, the peer's id or why it was not taken.

One that is left out was not asked for: it is the next turn's.
"""

Pairs = Sequence[tuple[str, str]]
"""Parameters as a form has them: names, which may repeat, and texts."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How jobs of a kind are spoken of in a standard that is older than the kind, such as TAP.

    `read` returns the kind's own parameters, of a user's job; it raises `InvalidRequest` for what
    can never be done, and lets pass what is still missing. `main_result` names the one result that
    the standard knows.
    """

    read: Callable[[Pairs, Any], Mapping[str, object]]
    main_result: Callable[[Job], str]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job: its name (`query.search`) and how it is carried out. There are three sorts.

    **Work here**: `run` does it in a worker, inside an `esap.backends.deadline` scope that is
    cancelled when the job is aborted and ends after `timeout` seconds. If the worker dies and the
    kind is `repeatable`, `run` is called again, at most `max_attempts` times in all; otherwise the
    job fails with `WorkLost`.

    **Work at a peer**: `submit` hands it over and returns the peer's id of it; `follower` looks
    after it from then on. When `submit` raises, the peer has not taken the job, or
    `follower.find` finds it by `job.mark`. Where the peer takes many in one request, `submit_many`
    hands over up to `most_at_once` parts of one job together; what it raises is meant for all.

    **Parts**: neither; its phase follows from its children's.

    `incomplete` says of a completed job of work here whether part of it failed, so that it may be
    retried; `run` then does that part only.

    `parameters` is the shape that the parameters must have; `check` refuses what has the shape and
    cannot be done for this user all the same, before anything is written. `wording` is for kinds
    that are asked for by other names through UWS. `limit` is how many of this kind one
    user may have in flight, unless `ESAP_JOBS_LIMITS` says otherwise.
    """

    name: str
    run: Callable[[Job], Iterable[Result] | None] | None = None
    parameters: type[BaseModel] | None = None
    timeout: float | None = None
    repeatable: bool = False
    incomplete: Callable[[Job], bool] | None = None
    max_attempts: int = 3
    limit: int | None = None
    submit: Submit | None = None
    submit_many: SubmitMany | None = None
    most_at_once: int = 100
    follower: Follower | None = None
    check: Callable[[Mapping[str, object], Any], None] | None = None
    wording: Wording | None = None

    def __post_init__(self) -> None:
        if (self.submit is None) is not (self.follower is None) or (self.run and self.submit):
            raise TypeError(
                f"{self.name}: a kind has `run`, or `submit` and `follower`, or none of them."
            )
        if self.submit_many and not self.submit:
            raise TypeError(f"{self.name}: a part that is alone is for `submit`: give it, too.")

    @property
    def gathers(self) -> bool:
        """Whether its jobs are only the sum of their parts."""
        return self.run is None and self.submit is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a job that gathers: a job of its own, of any kind that some room has."""

    kind: str
    parameters: Mapping[str, object]
    peer: str = ""
    run_id: str = ""


def kind_named(name: str) -> JobKind:
    """Return the kind with this name; `InvalidRequest` if no room has it."""
    kinds = all_kinds()
    if name not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        raise InvalidRequest(f"There is no kind of job {name!r}. There are: {known}.")
    return kinds[name]


def one_of_each(jobs: Iterable[tuple[UUID, str, str, UUID | None]]) -> list[UUID]:
    """Return whom to send a message about: of parts that are handed over together, the first.

    A job is its key, its kind, its peer and its parent's key.
    """
    found: dict[object, UUID] = {}
    for key, name, peer, parent in jobs:
        kind = all_kinds().get(name)
        together = kind is not None and kind.submit_many is not None and parent is not None
        found.setdefault((name, peer, parent) if together else key, key)
    return list(found.values())


def all_kinds() -> Mapping[str, JobKind]:
    """Return all kinds by their names."""
    return _kinds(tuple(settings.JOB_KINDS))


def checked_parameters(kind: JobKind, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as JSON values, in the shape that the kind asks for."""
    refuse_tokens(parameters)
    if kind.parameters is None:
        return dict(parameters)
    try:
        return kind.parameters.model_validate(parameters).model_dump(mode="json")
    except ValidationError as error:
        errors = {
            ".".join(str(part) for part in found["loc"]): found["msg"]
            for found in error.errors(include_url=False, include_context=False)
        }
        field, message = next(iter(errors.items()))
        raise InvalidRequest(f"{field}: {message}.", errors=errors) from error


def refuse_tokens(said: object) -> None:
    """Raise `InvalidRequest` for parameters with a token in them: rows of jobs hold none."""
    if carries_token(said):
        raise InvalidRequest(
            "There is a token in the parameters, which are kept and shown: leave it out, and "
            "revoke it. The gateway itself gets tokens for what it asks in your name."
        )


@lru_cache
def _kinds(dotted_paths: tuple[str, ...]) -> dict[str, JobKind]:
    """Read the rooms' kinds once; on first use, because rooms import the models."""
    found: dict[str, JobKind] = {}
    for path in dotted_paths:
        found.update(import_string(path))
    return found
