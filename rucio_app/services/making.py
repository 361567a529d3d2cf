"""The rules that parts of stagings want: made once each, in as few requests as can be."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from esap.errors import (
    AlreadyExists,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotFound,
    OverQuota,
)
from esap.jobs.models import Job
from esap.jobs.recovery import NEEDS_ITS_USER
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Rule, RuleState
from rucio_app.services.access import as_service, as_user, has_service, lake_for
from rucio_app.services.rules import end, has_ended, made_by_stagings, mark_of, rules_in_the_way
from rucio_app.services.staging import FILE, is_being_ended, item_of_part, needed_by_others

__all__ = ["make_rule", "make_rules"]

logger = structlog.get_logger(__name__)

_SECONDS = 30.0
"""After so long no other collection is begun in a turn: the last shall have time enough."""

_ABOUT = 0.9
"""A rule that stays for this share of a lifetime need not be prolonged: it may be minutes old."""


def make_rule(job: Job) -> str:
    """Ask the lake for what a part wants, and return the id of the rule.

    Where there is such a rule of the same account already, it is that one. One that has ended, and
    has not gone yet, is waited for.
    """
    lake = lake_for(job.owner, job.peer)
    try:
        return _made(lake, [job])[0]
    except AlreadyExists:
        return _instead(lake, job, rules_in_the_way(lake, [job]).get(item_of_part(job)))
    except NotFound as error:
        # Not of our job, which is what this error would be taken for.
        raise InvalidRequest(error.detail) from error


def make_rules(jobs: Sequence[Job]) -> Mapping[UUID, str | EsapError]:
    """Ask for what parts of one staging want; they differ only in their DIDs, and are not many.

    Files are asked for in one request. A collection may have any number of them, so that each is
    asked for by itself; those for which no time is left are left out.
    """
    files = [job for job in jobs if job.parameters.get("type") == FILE]
    # Of one round: a request has one comment, and that is the mark.
    together = [
        [job for job in files if job.round == each] for each in {job.round for job in files}
    ]
    alone = [[job] for job in jobs if job not in files]
    outcomes: dict[UUID, str | EsapError] = {}
    ends = monotonic() + _SECONDS
    for some in [*together, *alone]:
        if outcomes and monotonic() > ends:
            break
        outcomes |= _tried(some)
        needed = [error for error in outcomes.values() if isinstance(error, NEEDS_ITS_USER)]
        if needed:
            return {**{job.pk: needed[0] for job in jobs}, **outcomes}
    return outcomes


def _made_together(jobs: Sequence[Job]) -> Mapping[UUID, str | EsapError]:
    """Ask in one request; the lake makes all of the rules or none.

    Those that are there already are looked up, in one question, and left out. Of what it refuses it
    says seldom which; so halves are asked for, until each that is refused is alone, and tells why.
    """
    if len(jobs) == 1:
        return {jobs[0].pk: make_rule(jobs[0])}
    lake = lake_for(jobs[0].owner, jobs[0].peer)
    try:
        return {job.pk: rule for job, rule in zip(jobs, _made(lake, jobs), strict=True)}
    except AlreadyExists:
        there = rules_in_the_way(lake, jobs)
        pairs = [(job, there.get(item_of_part(job))) for job in jobs]
        known = {job.pk: _tried_instead(lake, job, rule) for job, rule in pairs if rule}
        if known:
            return {**known, **_tried([job for job in jobs if job.pk not in known])}
    except (NotFound, InvalidRequest, OverQuota):
        pass
    half = len(jobs) // 2
    return {**_tried(jobs[:half]), **_tried(jobs[half:])}


def _made(lake: DataLake, jobs: Sequence[Job]) -> list[str]:
    asked: dict[str, Any] = jobs[0].parameters
    words = str(asked.get("comment", ""))

    def make(token: str) -> list[str]:
        return lake.make_rules(
            [item_of_part(job) for job in jobs],
            token,
            account=asked["account"],
            rse_expression=asked["rse_expression"],
            copies=asked["copies"],
            lifetime=_lifetime(lake, jobs[0]),
            asynchronous=bool(asked.get("asynchronous")),
            comment=mark_of(jobs[0]) + (f": {words}" if words else ""),
        )

    return as_user(lake, jobs[0].owner, make)


def _tried(jobs: Sequence[Job]) -> Mapping[UUID, str | EsapError]:
    """Make rules for some of the parts; what is in their way is not the others' fate."""
    try:
        return _made_together(jobs) if jobs else {}
    except EsapError as error:
        return {job.pk: error for job in jobs}


def _tried_instead(lake: DataLake, job: Job, rule: Rule) -> str | EsapError:
    try:
        return _instead(lake, job, rule)
    except EsapError as error:
        return error


def _instead(lake: DataLake, job: Job, rule: Rule | None) -> str:
    """Return the rule to take instead of another that it is in the way of."""
    title = lake.config.title
    if rule is None:
        raise BackendUnavailable(f"{title} says that this is staged already, and does not show it.")
    if has_ended(rule) or is_being_ended(job.peer, rule.id):
        raise BackendUnavailable(
            f"{title} is still removing what was staged before. It is asked again."
        )
    if rule.state is RuleState.STUCK and has_service(lake) and _is_given_up(rule, job):
        end(lake, rule)
        raise BackendUnavailable(f"{title} gives up the attempt that was stuck. It is asked again.")
    _let_last(lake, job, rule)
    return rule.id


def _let_last(lake: DataLake, job: Job, rule: Rule) -> None:
    """Have a rule that an earlier staging made stay about as long as this part wants it."""
    lifetime = _lifetime(lake, job)
    soon = timezone.now() + timedelta(seconds=lifetime * _ABOUT)
    if rule.expires is None or rule.expires >= soon or not has_service(lake):
        return
    if not made_by_stagings(job.owner_id, [rule]):
        return
    try:
        as_service(lake, partial(lake.set_lifetime, rule.id, seconds=lifetime))
    except EsapError as error:
        if error.retryable:
            raise
        logger.warning("a rule ends before it should", rule=rule.id, because=error.detail)


def _lifetime(lake: DataLake, job: Job) -> int:
    return min(int(job.parameters["lifetime"]), lake.config.longest_lifetime)


def _is_given_up(rule: Rule, job: Job) -> bool:
    """Whether a rule is what an earlier staging of the same user left, and none waits for."""
    ours = made_by_stagings(job.owner_id, [rule])
    return bool(ours) and not needed_by_others([job], {rule.id})
