"""The rules behind stagings: made once each, read in bulk, found again, and ended."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.utils import timezone

from esap.errors import (
    AlreadyExists,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    NotAllowed,
    NotFound,
    OverQuota,
)
from esap.jobs.models import Job
from esap.jobs.recovery import NEEDS_ITS_USER
from rucio_app.backends.base import DataLake, Item, Rule, RuleState
from rucio_app.services.access import as_service, as_user, has_service, lake_for
from rucio_app.services.staging import (
    FILE,
    is_being_ended,
    item_of_part,
    needed_by_others,
    stagings_among,
)

__all__ = [
    "Ask",
    "asker",
    "by_account",
    "end_rules",
    "find_rules",
    "made_by_stagings",
    "make_rule",
    "make_rules",
    "rules_with",
]

logger = structlog.get_logger(__name__)

T = TypeVar("T")
Ask = Callable[[Callable[[str], T]], T]

MOST_OPEN = 100_000
"""How many rules of one account in one state are read; each that is not among them is asked for."""

_FEW = 5
"""So many DIDs are asked for their rules one by one, instead of an account for all of its own."""

_SECONDS = 30.0
"""After so long no other collection is begun in a turn: the last shall have time enough."""

_ABOUT = 0.9
"""A rule that stays for this share of a lifetime need not be prolonged: it may be minutes old."""

_MANY = 20
"""More rules than this that are in no list of open ones are looked for among the fulfilled, in one
question: to ask for each may take longer than a turn may, and so would each turn after it."""

_OPEN = [state for state in RuleState if state.is_open]


def make_rule(job: Job) -> str:
    """Ask the lake for what a part wants, and return the id of the rule.

    Where there is such a rule of the same account already, it is that one. One that has ended, and
    has not gone yet, is waited for.
    """
    lake = lake_for(job.owner, job.peer)
    try:
        return _made(lake, [job])[0]
    except AlreadyExists:
        return _instead(lake, job, _there(lake, [job]).get(item_of_part(job)))
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
        there = _there(lake, jobs)
        pairs = [(job, there.get(item_of_part(job))) for job in jobs]
        known = {job.pk: _tried_instead(lake, job, rule) for job, rule in pairs if rule}
        if known:
            return {**known, **_tried([job for job in jobs if job.pk not in known])}
    except (NotFound, InvalidRequest, OverQuota):
        pass
    half = len(jobs) // 2
    return {**_tried(jobs[:half]), **_tried(jobs[half:])}


def find_rules(lake: DataLake, jobs: Sequence[Job]) -> dict[UUID, str]:
    """Return the rules that carry the marks of these parts of one staging, by the parts' keys."""
    there = _there(lake, jobs)
    found = {job: there.get(item_of_part(job)) for job in jobs}
    return {job.pk: rule.id for job, rule in found.items() if rule and _mark(rule) == _mark_of(job)}


def rules_with(
    ask: Ask[Any], lake: DataLake, account: str, ids: Collection[str]
) -> dict[str, Rule]:
    """Return these rules of an account, by their ids, asking for each state that is open.

    A rule that is in no such list is asked for by itself: most are fulfilled then. If there are
    many, those that are fulfilled are asked for, too. One that is not there any more is left out.
    """
    found: dict[str, Rule] = {}
    for state in [*_OPEN, RuleState.OK]:
        if state is RuleState.OK and len(set(ids) - found.keys()) <= _MANY:
            break
        listing = ask(partial(lake.rules, account=account, state=state, most=MOST_OPEN))
        found |= {rule.id: rule for rule in listing.members if rule.id in ids}
    for rule_id in set(ids) - found.keys():
        try:
            found[rule_id] = ask(partial(lake.rule, rule_id))
        except NotFound:
            continue
    return found


def end_rules(lake: DataLake, jobs: Sequence[Job]) -> None:
    """End the rules of parts that nobody wants any more.

    One stays if it was there before, made by other means than a staging of the same user, or if
    another staging has it as well, be it that of another user who has the same account.
    """
    for (account, owner_id), theirs in by_account(jobs).items():
        ids = {job.remote_id for job in theirs}
        ids -= needed_by_others(theirs, ids)
        try:
            rules = rules_with(partial(as_service, lake), lake, account, ids).values()
            for rule in made_by_stagings(owner_id, rules):
                _end(lake, rule)
        except NotAllowed as error:
            # Each rule ends by itself, when its lifetime is over.
            logger.warning("rules stay", rules=len(ids), because=error.detail)


def made_by_stagings(owner_id: Any, rules: Collection[Rule]) -> list[Rule]:
    """Return which of these rules stagings of this user made: no others are ours to change."""
    ours = stagings_among(owner_id, {_staging(rule) for rule in rules})
    return [rule for rule in rules if _staging(rule) in ours]


def by_account(jobs: Iterable[Job]) -> dict[tuple[str, Any], list[Job]]:
    """Return parts by the account whose rules theirs are, and by their owner."""
    found: dict[tuple[str, Any], list[Job]] = defaultdict(list)
    for job in jobs:
        found[str(job.parameters["account"]), job.owner_id].append(job)
    return found


def asker(lake: DataLake, job: Job) -> Ask[Any]:
    """Return a way to ask about rules: the gateway's own, or the user's if it has none there."""
    if has_service(lake):
        return partial(as_service, lake)
    return partial(as_user, lake, job.owner)


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
            comment=_mark_of(jobs[0]) + (f": {words}" if words else ""),
        )

    return as_user(lake, jobs[0].owner, make)


def _tried(jobs: Sequence[Job]) -> Mapping[UUID, str | EsapError]:
    """Make rules for some of the parts; what is in their way is not the others' fate."""
    try:
        return _made_together(jobs) if jobs else {}
    except EsapError as error:
        return {job.pk: error for job in jobs}


def _there(lake: DataLake, jobs: Sequence[Job]) -> dict[Item, Rule]:
    """Return the rules that are in the way of those that these parts want: they bring the same."""
    ask, asked = asker(lake, jobs[0]), jobs[0].parameters
    key = (asked["account"], asked["rse_expression"], asked["copies"])
    wanted = {item_of_part(job) for job in jobs}
    if len(wanted) <= _FEW:
        rules = [rule for item in wanted for rule in ask(partial(lake.rules_of, item))]
    else:
        rules = ask(partial(lake.rules, account=asked["account"], most=MOST_OPEN)).members
    return {
        Item(rule.scope, rule.name): rule
        for rule in rules
        if (rule.account, rule.rse_expression, rule.copies) == key
        and Item(rule.scope, rule.name) in wanted
    }


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
    if _has_ended(rule) or is_being_ended(job.peer, rule.id):
        raise BackendUnavailable(
            f"{title} is still removing what was staged before. It is asked again."
        )
    if rule.state is RuleState.STUCK and has_service(lake) and _is_given_up(rule, job):
        _end(lake, rule)
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


def _end(lake: DataLake, rule: Rule) -> None:
    if _has_ended(rule):
        return  # It only takes the lake a while to forget it.
    with suppress(NotFound):  # It has ended meanwhile.
        as_service(lake, partial(lake.set_lifetime, rule.id, seconds=0))


def _has_ended(rule: Rule) -> bool:
    return rule.expires is not None and rule.expires <= timezone.now()


def _mark_of(job: Job) -> str:
    """Return what the rules of a staging carry: a rule's DID tells which part it is of."""
    return f"ESAP {job.parent_id}" + (f".{job.round}" if job.round > 1 else "")


def _mark(rule: Rule) -> str:
    return rule.comment.partition(":")[0]


def _staging(rule: Rule) -> str:
    """Return the id of the staging that a rule says it is of; empty if it says none."""
    word, _, mark = _mark(rule).partition(" ")
    return mark.partition(".")[0] if word == "ESAP" else ""
