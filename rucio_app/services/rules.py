"""The rules behind stagings: read in bulk, found again by their marks, and ended."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.utils import timezone

from esap.errors import BackendUnavailable, NotAllowed, NotFound
from esap.jobs.models import Job
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Item, Rule, RuleState
from rucio_app.services.access import as_service, as_user, has_service
from rucio_app.services.staging import (
    asked_for_now,
    item_of_part,
    needed_by_others,
    stagings_among,
)

__all__ = [
    "Ask",
    "asker",
    "by_account",
    "end",
    "end_rules",
    "find_rules",
    "has_ended",
    "made_by_stagings",
    "mark_of",
    "rules_in_the_way",
    "rules_with",
]

logger = structlog.get_logger(__name__)

T = TypeVar("T")
Ask = Callable[[Callable[[str], T]], T]

MOST_OPEN = 100_000
"""How many rules of one account in one state are read; each that is not among them is asked for."""

_FEW = 5
"""So many DIDs are asked for their rules one by one, instead of an account for all of its own."""

_MANY = 20
"""More rules than this that are in no list of open ones are looked for among the fulfilled, in one
question: to ask for each may take longer than a turn may, and so would each turn after it."""

_OPEN = [state for state in RuleState if state.is_open]


def find_rules(lake: DataLake, jobs: Sequence[Job]) -> dict[UUID, str]:
    """Return the rules that carry the marks of these parts of one staging, by the parts' keys."""
    there = rules_in_the_way(lake, jobs)
    found = {job: there.get(item_of_part(job)) for job in jobs}
    return {job.pk: rule.id for job, rule in found.items() if rule and _mark(rule) == mark_of(job)}


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
    another staging has it as well, be it that of another user who has the same account. Raises
    `BackendUnavailable` if one of them is asked for anew just now: then all is to be asked again.
    """
    busy = False
    for (account, owner_id), theirs in by_account(jobs).items():
        ids = {job.remote_id for job in theirs}
        ids -= needed_by_others(theirs, ids)
        try:
            rules = rules_with(partial(as_service, lake), lake, account, ids).values()
            wanted = asked_for_now(theirs[0].peer)
            for rule in made_by_stagings(owner_id, rules):
                if (Item(rule.scope, rule.name), rule.rse_expression) in wanted:
                    busy = True  # It may be about to be taken, by whoever then has its id.
                else:
                    end(lake, rule)
        except NotAllowed as error:
            # Each rule ends by itself, when its lifetime is over.
            logger.warning("rules stay", rules=len(ids), because=error.detail)
    if busy:
        raise BackendUnavailable(f"{lake.config.title} is asked for some of these anew just now.")


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


def rules_in_the_way(lake: DataLake, jobs: Sequence[Job]) -> dict[Item, Rule]:
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


def end(lake: DataLake, rule: Rule) -> None:
    """End a rule now, and let go of its files."""
    if has_ended(rule):
        return  # It only takes the lake a while to forget it.
    with suppress(NotFound):  # It has ended meanwhile.
        as_service(lake, partial(lake.set_lifetime, rule.id, seconds=0))


def has_ended(rule: Rule) -> bool:
    """Say whether a rule has ended: it may be seen for a while after that."""
    return rule.expires is not None and rule.expires <= timezone.now()


def mark_of(job: Job) -> str:
    """Return what the rules of a staging carry: a rule's DID tells which part it is of."""
    return f"ESAP {job.parent_id}" + (f".{job.round}" if job.round > 1 else "")


def _mark(rule: Rule) -> str:
    return rule.comment.partition(":")[0]


def _staging(rule: Rule) -> str:
    """Return the id of the staging that a rule says it is of; empty if it says none."""
    word, _, mark = _mark(rule).partition(" ")
    return mark.partition(".")[0] if word == "ESAP" else ""
