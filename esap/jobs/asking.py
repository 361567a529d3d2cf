"""Jobs as callers ask for them: of any kind, and only if its room would carry them out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from esap.errors import InvalidRequest, LoginRequired, NotAllowed
from esap.jobs import services
from esap.jobs.idempotency import Once, made_before
from esap.jobs.kinds import JobKind, Part, kind_named
from esap.jobs.mailing import refuse_without_address
from esap.jobs.making import checked
from esap.jobs.models import Job

__all__ = [
    "own_kind",
    "refuse_nobody",
    "refuse_nul",
    "request_again",
    "request_job",
    "wanted",
]


def request_job(
    part: Part,
    caller: Any,
    *,
    execution_duration: int = 0,
    destruction: datetime | None = None,
    mail: bool = False,
    mark: Once | None = None,
) -> Job:
    """Queue a job that a caller describes in the words of its kind.

    Raises what `wanted`, `services.submit` and, for mail, `refuse_without_address` do.
    """
    if job := made_before(mark):
        return job
    refuse_nul(part.parameters)
    if mail:
        refuse_without_address(caller)
    part = wanted(part, caller)
    with transaction.atomic():
        job = services.submit(
            part.kind,
            part.parameters,
            caller,
            run_id=part.run_id,
            peer=part.peer,
            execution_duration=execution_duration,
            mark=mark,
        )
        if mail:
            Job.objects.filter(pk=job.pk).update(mail=True)
            job.mail = True
        return services.keep_until(job, destruction) if destruction else job


def request_again(job: Job, caller: Any) -> Job:
    """Run again what failed of a user's job, as `services.retry` does.

    What nobody owns was carried out inside a request, and no worker takes it up. Raises what
    `services.retry` does, and `LoginRequired` or `NotAllowed`.
    """
    if job.owner_id is None:
        refuse_nobody(caller)
        raise NotAllowed(
            f"Job {job.pk} was made without a login, and is not run again in the background. Ask "
            "for it anew; it is then yours."
        )
    return services.retry(job)


def refuse_nobody(caller: Any) -> None:
    """Raise `LoginRequired` for somebody without a login: a job that lasts needs an owner."""
    if caller is None or not caller.is_authenticated:
        raise LoginRequired(
            "Jobs outlive the request, so they need an owner. Log in, or send an API token "
            "(Authorization: Bearer ...); on your own machine, `make token` makes one."
        )


def wanted(part: Part, caller: Any) -> Part:
    """Return a description in the shape of its kind, if the room would do that for this caller.

    Raises `InvalidRequest` and what the kind's `check` does. It may take long, as when the name of
    a target is looked up, so it is not for transactions.
    """
    own_kind(part.kind)
    part = checked(part)
    check = kind_named(part.kind).check
    if check is not None:
        check(part.parameters, caller)
    return part


def own_kind(name: str) -> JobKind:
    """Return a kind whose jobs can be asked for as they are; `InvalidRequest` for others."""
    kind = kind_named(name)
    if kind.gathers:
        raise InvalidRequest(
            f"kind: a job of kind {name} is the sum of others, and is made by its room only."
        )
    return kind


def refuse_nul(value: object) -> None:
    """Raise `InvalidRequest` if there is a U+0000 in a JSON value: PostgreSQL stores none."""
    match value:
        case str() if "\0" in value:
            raise InvalidRequest("parameters: take the control character U+0000 out.")
        case Mapping():
            refuse_nul([*value, *value.values()])
        case list() | tuple():
            for one in value:
                refuse_nul(one)
