"""Jobs as callers ask for them: of any kind, and only if its room would carry them out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from esap.errors import InvalidRequest
from esap.jobs import services
from esap.jobs.idempotency import Once, made_before
from esap.jobs.kinds import JobKind, checked_parameters, kind_named
from esap.jobs.models import Job

__all__ = ["checked_for", "own_kind", "request_job"]


def request_job(
    kind: str,
    parameters: Mapping[str, object],
    caller: Any,
    *,
    destruction: datetime | None = None,
    mark: Once | None = None,
    **members: Any,
) -> Job:
    """Queue a job that a caller describes in the words of its kind.

    `members` are those of `services.submit`. Raises what that raises, and what the kind's `check`
    does. The check may take long, so it is done before the transaction.
    """
    if job := made_before(mark):
        return job
    shaped = checked_for(own_kind(kind), parameters, caller)
    with transaction.atomic():
        job = services.submit(kind, shaped, caller, mark=mark, **members)
        return services.keep_until(job, destruction) if destruction else job


def own_kind(name: str) -> JobKind:
    """Return a kind whose jobs can be asked for as they are; `InvalidRequest` for others."""
    kind = kind_named(name)
    if kind.gathers:
        raise InvalidRequest(
            f"kind: a job of kind {name} is the sum of others, and is made by its room only."
        )
    return kind


def checked_for(
    kind: JobKind, parameters: Mapping[str, object], caller: Any
) -> Mapping[str, object]:
    """Return parameters in the shape of their kind, if it would carry them out for this caller."""
    shaped = checked_parameters(kind, parameters)
    if kind.check is not None:
        kind.check(shaped, caller)
    return shaped
