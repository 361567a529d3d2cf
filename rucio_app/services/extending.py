"""What was staged stays longer: by the rules that stagings made, and by no others."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.utils import timezone

from esap.errors import EsapError, InvalidRequest
from esap.jobs.models import Job, Phase
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Rule
from rucio_app.services.access import as_service, lake_for
from rucio_app.services.rules import by_account, made_by_stagings, rules_with
from rucio_app.services.staging import KEPT, check_limits, item_of_part, staying_until

__all__ = ["extend"]


def extend(user: Any, staging: Job, lifetime: int) -> list[dict[str, Any]]:
    """Let what was staged stay so many seconds from now; tell of each part whether it does.

    A rule that was there before, made by other means, keeps its end: it may have none, and one
    would lose its files. No rule ends sooner than it would have.
    """
    parts = list(Job.objects.filter(parent=staging.pk).order_by("created", "pk"))
    lakes: dict[str, DataLake | EsapError] = {}
    rules: dict[str, Rule] = {}
    ours: set[str] = set()
    for peer in {part.peer for part in parts}:
        there = [part for part in parts if part.peer == peer]
        try:
            lake = lake_for(user, peer)
            check_limits(lake, lifetime)
            found = _rules_of(lake, there)
        except EsapError as error:
            if error.retryable:
                raise
            lakes[peer] = error
            continue
        lakes[peer] = lake
        rules |= found
        ours |= {rule.id for rule in made_by_stagings(staging.owner_id, found.values())}
    told = []
    for part in parts:
        said: dict[str, Any] = {"did": str(item_of_part(part)), "rule": part.remote_id}
        try:
            detail = _prolong(lakes[part.peer], part, lifetime, rules, ours)
            said |= {"extended": True, "detail": detail}
        except EsapError as error:
            if error.retryable:
                raise
            said |= {"extended": False, "detail": error.detail}
        told.append(said)
    return told


def _rules_of(lake: DataLake, parts: Collection[Job]) -> dict[str, Rule]:
    """Return the rules of parts by their ids, by as few questions as when they are followed."""
    found: dict[str, Rule] = {}
    for (account, _), theirs in by_account(parts).items():
        if ids := {part.remote_id for part in theirs if _is_kept(part)}:
            found |= rules_with(partial(as_service, lake), lake, account, ids)
    return found


def _is_kept(part: Job) -> bool:
    return bool(part.remote_id) and part.phase in KEPT


def _prolong(
    lake: DataLake | EsapError,
    part: Job,
    lifetime: int,
    rules: Mapping[str, Rule],
    ours: Collection[str],
) -> str:
    """Prolong the rule of a part; return what is to be said of it, which is mostly nothing."""
    if isinstance(lake, EsapError):
        raise lake
    if not _is_kept(part):
        raise InvalidRequest(f"This part is {part.phase}, and has no rule to extend.")
    rule = rules.get(part.remote_id)
    if rule is None:
        raise InvalidRequest("Its rule has ended, and the files may be gone: stage it again.")
    if rule.expires is None:
        return "It stays: its rule has no end."
    if rule.expires >= timezone.now() + timedelta(seconds=lifetime):
        return f"It stays until {rule.expires:%Y-%m-%d %H:%M} UTC anyway."
    if rule.id not in ours:
        raise InvalidRequest(
            "Its rule was there before, made by other means than a staging: extend it there."
        )
    as_service(lake, lambda token: lake.set_lifetime(rule.id, token, lifetime))
    # Nobody follows what is there any more: what was said of its end would stay.
    end = timezone.now() + timedelta(seconds=lifetime)
    Job.objects.filter(pk=part.pk, phase=Phase.COMPLETED).update(
        progress_sentence=staying_until(end, part.progress_sentence)
    )
    return ""
