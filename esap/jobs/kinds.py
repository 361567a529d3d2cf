"""The kinds of jobs there are, as the rooms name them in their `jobs.py`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BaseModel, ValidationError

from esap.errors import InvalidRequest
from esap.jobs.models import Job
from esap.jobs.moves import Result

__all__ = ["JobKind", "checked_parameters", "kind_named"]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job: its name (`query.search`) and the function that carries it out.

    `run` works inside an `esap.backends.deadline` scope that is cancelled when the job is aborted
    and ends after `timeout` seconds. It may be called a second time for a job whose worker died.
    `parameters` is the shape that the parameters must have.
    """

    name: str
    run: Callable[[Job], Iterable[Result] | None]
    parameters: type[BaseModel] | None = None
    timeout: float | None = None


def kind_named(name: str) -> JobKind:
    """Return the kind with this name; `InvalidRequest` if no room has it."""
    kinds = _kinds(tuple(settings.JOB_KINDS))
    if name not in kinds:
        known = ", ".join(sorted(kinds)) or "none"
        raise InvalidRequest(f"There is no kind of job {name!r}. There are: {known}.")
    return kinds[name]


def checked_parameters(kind: JobKind, parameters: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters as JSON values, in the shape that the kind asks for."""
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


@lru_cache
def _kinds(dotted_paths: tuple[str, ...]) -> dict[str, JobKind]:
    """Read the rooms' kinds once; on first use, because rooms import the models."""
    found: dict[str, JobKind] = {}
    for path in dotted_paths:
        found.update(import_string(path))
    return found
