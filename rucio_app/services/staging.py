"""Stagings: what was chosen is brought to where it is wanted, and kept there for a while.

A staging is a job that is the sum of its parts; each part is one DID, and one rule at the lake.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field

from esap.errors import InvalidRequest, NotFound
from esap.jobs import services as jobs
from esap.jobs.idempotency import Once, made_before
from esap.jobs.models import Job, Phase
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Item
from rucio_app.services.estimating import estimate, refuse_impossible
from rucio_app.services.selecting import target_of

__all__ = [
    "FILE",
    "KEPT",
    "PART",
    "WHOLE",
    "PartParameters",
    "Wanted",
    "asked_for_now",
    "check_limits",
    "check_part",
    "is_being_ended",
    "item_of_part",
    "needed_by_others",
    "stage",
    "staging_for",
    "stagings_among",
    "stagings_of",
    "staying_until",
]

FILE = "file"
MOST_AT_ONCE = 5_000
"""Files for which a lake may work out a rule at once: it takes some milliseconds for each."""

WHOLE = "rucio.stagings"
PART = "rucio.staging"

_ENDED_WITHIN = timedelta(minutes=10)
"""What the lake has not ended by then it may never: nothing waits for that any longer."""

_UNTIL = ", until "
KEPT = (Phase.QUEUED, Phase.EXECUTING, Phase.HELD, Phase.SUSPENDED, Phase.COMPLETED)
"""The phases of parts that want their rules."""


class PartParameters(BaseModel):
    """One DID of a staging: what, to where, in whose name, how often and for how long."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(min_length=1, max_length=255)
    name: str = Field(min_length=1, max_length=500)
    type: str = ""
    account: str = Field(min_length=1, max_length=255)
    rse_expression: str = Field(min_length=1, max_length=255)
    facility: str = ""
    copies: int = Field(default=1, gt=0)
    lifetime: int = Field(gt=0)
    comment: str = Field(default="", max_length=150)
    asynchronous: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A staging as it is asked for; no `lifetime` is the lake's usual one."""

    items: Sequence[Item]
    facility: str = ""
    rse_expression: str = ""
    copies: int = 1
    lifetime: int | None = None
    comment: str = ""


def stage(lake: DataLake, user: Any, wanted: Wanted, *, mark: Once | None = None) -> Job:
    """Queue a staging; what can never be done is refused now, with what is missing.

    With a mark, the same request gets the same job.
    """
    if job := made_before(mark):
        return job
    target = target_of(lake, wanted.facility, wanted.rse_expression)
    lifetime = wanted.lifetime or lake.config.lifetime
    check_limits(lake, lifetime, wanted.copies)
    found = estimate(lake, user, wanted.items, target)
    refuse_impossible(lake, found, target, wanted.copies)
    common = {
        "rse_expression": target,
        "facility": wanted.facility,
        "copies": wanted.copies,
        "lifetime": lifetime,
        "comment": wanted.comment,
    }
    parts = [
        jobs.Part(
            kind=PART,
            peer=lake.config.id,
            parameters={
                **common,
                "scope": item.scope,
                "name": item.name,
                "type": found.types[item],
                "account": found.account,
                # A rule for so many takes longer than a request may.
                "asynchronous": found.types[item] != FILE and found.files > MOST_AT_ONCE,
            },
        )
        for item in wanted.items
    ]
    asked = {**common, "lake": lake.config.id, "dids": len(parts), "size": found.size}
    return jobs.submit_parts(WHOLE, asked, parts, user, mark=mark)


def check_part(parameters: Any, user: Any) -> None:
    """Refuse a part that was asked for by itself: only a staging knows whether it can be done."""
    del parameters, user
    raise InvalidRequest("Stage by POST rucio/stagings/: it checks that there is room.")


def stagings_of(user: Any) -> QuerySet[Job]:
    """Return the user's own stagings."""
    return jobs.jobs_of(user).filter(kind=WHOLE)


def staging_for(user: Any, staging_id: UUID) -> Job:
    """Return a staging of the user's own; `NotFound` for others', and for other jobs."""
    job = jobs.job_for(user, staging_id)
    if job.kind != WHOLE or job.owner_id != getattr(user, "pk", None):
        raise NotFound(f"There is no staging {staging_id} of yours.")
    return job


def stagings_among(owner_id: Any, ids: Collection[str]) -> set[str]:
    """Return which of these are ids of the user's stagings; they may be any words."""
    keys = {key for key in map(_key, ids) if key}
    found = Job.objects.filter(pk__in=keys, owner=owner_id, kind=WHOLE).values_list("pk", flat=True)
    return set(map(str, found))


def needed_by_others(parts: Sequence[Job], rules: Collection[str]) -> set[str]:
    """Return which of these rules other parts rely on, of whichever users of an account."""
    others = Job.objects.filter(kind=PART, peer=parts[0].peer)
    others = others.filter(remote_id__in=rules, phase__in=KEPT)
    return set(
        others.exclude(pk__in=[part.pk for part in parts]).values_list("remote_id", flat=True)
    )


def asked_for_now(peer: str) -> set[tuple[Item, str]]:
    """Return what is being handed over to a lake at this moment: the DIDs, and to where."""
    parts = Job.objects.filter(kind=PART, peer=peer, ended__isnull=True)
    parts = parts.filter(lease__isnull=False, remote_id="")
    return {(item_of_part(part), str(part.parameters["rse_expression"])) for part in parts}


def is_being_ended(peer: str, rule: str) -> bool:
    """Say whether a rule is about to be ended, since a staging was cancelled just now."""
    since = timezone.now() - _ENDED_WITHIN
    ended = Job.objects.filter(kind=PART, peer=peer, due__isnull=False, ended__gte=since)
    return ended.filter(remote_id=rule).exists()


def item_of_part(part: Job) -> Item:
    """Return the DID that a part is about."""
    return Item(str(part.parameters["scope"]), str(part.parameters["name"]))


def staying_until(end: datetime, sentence: str) -> str:
    """Return what is said of files that are there, with when they go; once, if it was said."""
    there, _, _ = sentence.partition(_UNTIL)
    return f"{there}{_UNTIL}{end.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def check_limits(lake: DataLake, lifetime: int, copies: int = 1) -> None:
    """Raise `InvalidRequest` for more than the lake's entry allows."""
    config = lake.config
    if lifetime > config.longest_lifetime:
        raise InvalidRequest(
            f"lifetime: data stay at most {config.longest_lifetime} s; extend it later."
        )
    if copies > config.most_copies:
        raise InvalidRequest(f"copies: {config.title} makes at most {config.most_copies}.")


def _key(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
