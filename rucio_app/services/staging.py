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

from esap.errors import EsapError, InvalidRequest, NotFound
from esap.jobs import services as jobs
from esap.jobs.idempotency import Once, made_before
from esap.jobs.models import Job, Phase
from rucio_app.backends.base import DataLake, Facility, Item, Listing
from rucio_app.services.access import as_service, as_user, lake_for
from rucio_app.services.browsing import MOST, with_paths
from rucio_app.services.estimating import estimate, refuse_impossible
from rucio_app.services.selecting import facility_of, target_of

__all__ = [
    "PART",
    "WHOLE",
    "PartParameters",
    "Wanted",
    "check_part",
    "extend",
    "fates",
    "item_of_part",
    "needed_by_others",
    "stage",
    "staging_for",
    "stagings_among",
    "stagings_of",
    "staying_until",
]

WHOLE = "rucio.stagings"
PART = "rucio.staging"

_UNTIL = ", until "
_COLLECTIONS = ("dataset", "container")
_KEPT = (Phase.QUEUED, Phase.EXECUTING, Phase.HELD, Phase.SUSPENDED, Phase.COMPLETED)


class PartParameters(BaseModel):
    """One DID of a staging: what, to where, in whose name, how often and for how long."""

    model_config = ConfigDict(extra="forbid")

    scope: str = Field(min_length=1, max_length=255)
    name: str = Field(min_length=1, max_length=500)
    account: str = Field(min_length=1, max_length=255)
    rse_expression: str = Field(min_length=1, max_length=255)
    facility: str = ""
    copies: int = Field(default=1, gt=0)
    lifetime: int = Field(gt=0)
    comment: str = Field(default="", max_length=150)


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
    _check(lake, lifetime, wanted.copies)
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
                "account": found.account,
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
    """Return which of these rules other parts of the same user have, and rely on."""
    others = Job.objects.filter(owner=parts[0].owner_id, kind=PART, peer=parts[0].peer)
    others = others.filter(remote_id__in=rules, phase__in=_KEPT)
    return set(
        others.exclude(pk__in=[part.pk for part in parts]).values_list("remote_id", flat=True)
    )


def item_of_part(part: Job) -> Item:
    """Return the DID that a part is about."""
    return Item(str(part.parameters["scope"]), str(part.parameters["name"]))


def fates(user: Any, parts: Sequence[Job]) -> list[dict[str, Any]]:
    """Tell of each part of a staging how it stands, and of its files where they are by now."""
    made = [part for part in parts if part.remote_id and part.phase != Phase.ABORTED]
    found = _files_of(lake_for(user, made[0].peer), user, made) if made else {}
    return [_fate(part, found.get(part.pk, Listing())) for part in parts]


def extend(user: Any, staging: Job, lifetime: int) -> list[dict[str, Any]]:
    """Let what was staged stay so many seconds from now; tell of each part whether it does."""
    told = []
    for part in Job.objects.filter(parent=staging.pk).order_by("created", "pk"):
        said: dict[str, Any] = {"did": str(item_of_part(part)), "rule": part.remote_id}
        try:
            _prolong(lake_for(user, part.peer), part, lifetime)
            said |= {"extended": True, "detail": ""}
        except EsapError as error:
            if error.retryable:
                raise
            said |= {"extended": False, "detail": error.detail}
        told.append(said)
    return told


def staying_until(end: datetime, sentence: str) -> str:
    """Return what is said of files that are there, with when they go; once, if it was said."""
    there, _, _ = sentence.partition(_UNTIL)
    return f"{there}{_UNTIL}{end.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _prolong(lake: DataLake, part: Job, lifetime: int) -> None:
    _check(lake, lifetime, 1)
    if not part.remote_id or part.phase not in _KEPT:
        raise InvalidRequest(f"This part is {part.phase}, and has no rule to extend.")
    as_service(lake, lambda token: lake.set_lifetime(part.remote_id, token, lifetime))
    # Nobody follows what is there any more: what was said of its end would stay.
    end = timezone.now() + timedelta(seconds=lifetime)
    Job.objects.filter(pk=part.pk, phase=Phase.COMPLETED).update(
        progress_sentence=staying_until(end, part.progress_sentence)
    )


def _check(lake: DataLake, lifetime: int, copies: int) -> None:
    config = lake.config
    if lifetime > config.longest_lifetime:
        raise InvalidRequest(
            f"lifetime: data stay at most {config.longest_lifetime} s; extend it later."
        )
    if copies > config.most_copies:
        raise InvalidRequest(f"copies: {config.title} makes at most {config.most_copies}.")


def _fate(part: Job, found: Listing) -> dict[str, Any]:
    return {
        "part": str(part.pk),
        "did": str(item_of_part(part)),
        "phase": part.phase,
        "rule": part.remote_id,
        "sentence": part.waits_for or part.progress_sentence,
        "problem": part.problem,
        "files": found.members,
        "complete": found.complete,
    }


def _files_of(lake: DataLake, user: Any, parts: Sequence[Job]) -> dict[UUID, Listing]:
    """Return the files of each part, where they were staged to: of single files by one question."""
    asked: dict[str, Any] = parts[0].parameters  # those of one staging differ in their DIDs only
    facility = _facility(lake, asked.get("facility", ""))
    items = {part.pk: item_of_part(part) for part in parts}

    def replicas(items: Sequence[Item], token: str) -> Listing:
        return lake.replicas(items, token, rse_expression=asked["rse_expression"], most=MOST)

    def ask(token: str) -> dict[UUID, Listing]:
        types = {item: did.type for item, did in lake.dids(list(items.values()), token).items()}
        single = [item for item in items.values() if types.get(item) == "file"]
        files = {
            Item(file.scope, file.name): Listing([file])
            for file in (replicas(single, token).members if single else ())
        }
        return {
            key: replicas([item], token)
            if types.get(item) in _COLLECTIONS
            else files.get(item, Listing())
            for key, item in items.items()
        }

    return {
        key: Listing([with_paths(file, facility) for file in found.members], found.complete)
        for key, found in as_user(lake, user, ask).items()
    }


def _facility(lake: DataLake, facility_id: str) -> Facility | None:
    """Return the facility that was staged to, unless its entry has gone."""
    try:
        return facility_of(lake, facility_id) if facility_id else None
    except NotFound:
        return None


def _key(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
