"""The rules behind stagings: made once each, followed in bulk, ended when nobody wants them."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from django.utils import timezone

from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendUnavailable,
    EsapError,
    InvalidRequest,
    LoginAgain,
    NotAllowed,
    NotFound,
)
from esap.jobs.models import Job, Phase
from esap.jobs.remote import Follower, Standing, State
from rucio_app.backends.base import DataLake, Rule, RuleState, lakes
from rucio_app.services.access import as_service, as_user, has_service, lake_for
from rucio_app.services.staging import item_of_part

__all__ = ["Stagings", "make_rule"]

logger = structlog.get_logger(__name__)

T = TypeVar("T")
Ask = Callable[[Callable[[str], T]], T]

MOST_OPEN = 100_000
"""How many rules of one account in one state are read; each that is not among them is asked for."""

_OPEN = [state for state in RuleState if state.is_open]
_WAITS = {
    RuleState.SUSPENDED: "the lake's operators have suspended it",
    RuleState.WAITING_APPROVAL: "the lake's operators have to approve it",
    RuleState.INJECT: "the lake is still working out which files these are",
}
_PHASES = {
    RuleState.SUSPENDED: Phase.SUSPENDED,
    RuleState.WAITING_APPROVAL: Phase.HELD,
    RuleState.INJECT: Phase.QUEUED,
}
_MOST_TOLD = 20


def make_rule(job: Job) -> str:
    """Ask the lake for what a part wants, and return the id of the rule.

    Where there is such a rule of the same account already, it is that one. One that has ended, and
    has not gone yet, is waited for.
    """
    lake = lake_for(job.owner, job.peer)
    asked: dict[str, Any] = job.parameters
    item = item_of_part(job)

    def make(token: str) -> str:
        return lake.make_rule(
            item,
            token,
            account=asked["account"],
            rse_expression=asked["rse_expression"],
            copies=asked["copies"],
            lifetime=min(asked["lifetime"], lake.config.longest_lifetime),
            comment=_comment(job),
        )

    try:
        return as_user(lake, job.owner, make)
    except AlreadyExists:
        return _existing(lake, job)
    except NotFound as error:
        # Not of our job, which is what this error would be taken for.
        raise InvalidRequest(error.detail) from error


class Stagings(Follower):
    """Follows the rules of all users at a lake: a few questions for each account."""

    name = "rucio"
    fastest = 2.0
    slowest = 60.0
    most = 20_000

    def __init__(self, results: Callable[[Job], Sequence[Any]]) -> None:
        """Take a function that says what a part has made once its rule is fulfilled."""
        self._results = results

    def follow(self, peer: str, jobs: Sequence[Job]) -> Mapping[str, Standing]:
        """Tell how the rules stand, asking for each account and state that is open.

        A rule that is in no such list is asked for by itself: most are fulfilled then.
        """
        lake = lakes.for_gateway().get(peer)
        by_account: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            by_account[str(job.parameters["account"])].append(job)
        standings: dict[str, Standing] = {}
        for account, theirs in by_account.items():
            try:
                rules = _rules(_asker(lake, theirs[0]), lake, account, theirs)
            except LoginAgain as error:
                standings |= {job.remote_id: error for job in theirs}
                continue
            for job in theirs:
                if rule := rules.get(job.remote_id):
                    standings[job.remote_id] = self._state(lake, job, rule)
        return standings

    def find(self, job: Job) -> str | None:
        """Find the rule that carries the job's mark."""
        lake, item = lake_for(job.owner, job.peer), item_of_part(job)
        rules = _asker(lake, job)(lambda token: lake.rules_of(item, token))
        return next((rule.id for rule in rules if _is_of(rule, job.mark)), None)

    def cancel(self, peer: str, jobs: Sequence[Job]) -> None:
        """End the rules that were made for these jobs; those that were there before stay."""
        lake = lakes.for_gateway().get(peer)
        for job in jobs:
            try:
                _end(lake, job)
            except NotFound:
                continue
            except NotAllowed as error:
                # Each rule ends by itself, when its lifetime is over.
                logger.warning("a rule stays", rule=job.remote_id, because=error.detail)

    def _state(self, lake: DataLake, job: Job, rule: Rule) -> State:
        total = rule.ok + rule.replicating + rule.stuck
        fraction = rule.ok / total if total else None
        sentence = _progress(rule, total)
        if rule.state is RuleState.OK:
            return State(
                phase=Phase.COMPLETED,
                fraction=1.0,
                sentence=sentence,
                started=rule.created,
                results=self._results(job),
            )
        if rule.state is RuleState.STUCK and _is_over(lake, rule):
            return State(
                phase=Phase.ERROR, fraction=fraction, sentence=sentence, problem=_why(lake, job)
            )
        reason = rule.error or "" if rule.state is RuleState.STUCK else _WAITS.get(rule.state, "")
        return State(
            phase=_PHASES.get(rule.state, Phase.EXECUTING),
            fraction=fraction,
            sentence=sentence,
            waits_for=reason and f"{lake.config.title}: {reason}",
        )


def _rules(ask: Ask[Any], lake: DataLake, account: str, jobs: Sequence[Job]) -> dict[str, Rule]:
    wanted = {job.remote_id for job in jobs}
    found: dict[str, Rule] = {}
    for state in _OPEN:
        listing = ask(partial(lake.rules, account=account, state=state, most=MOST_OPEN))
        found |= {rule.id: rule for rule in listing.members if rule.id in wanted}
    for rule_id in wanted - found.keys():
        try:
            found[rule_id] = ask(partial(lake.rule, rule_id))
        except NotFound:
            continue
    return found


def _asker(lake: DataLake, job: Job) -> Ask[Any]:
    """Return a way to ask about rules: the gateway's own, or the user's if it has none there."""
    if has_service(lake):
        return lambda question: as_service(lake, question)
    return lambda question: as_user(lake, job.owner, question)


def _existing(lake: DataLake, job: Job) -> str:
    """Return the rule that is in the way of another: it brings the same."""
    asked, item = job.parameters, item_of_part(job)
    key = (asked["account"], asked["rse_expression"], asked["copies"])
    rules: list[Rule] = _asker(lake, job)(lambda token: lake.rules_of(item, token))
    for rule in rules:
        if (rule.account, rule.rse_expression, rule.copies) != key:
            continue
        if rule.expires is not None and rule.expires <= timezone.now():
            raise BackendUnavailable(
                f"{lake.config.title} is still removing what was staged before. It is asked again."
            )
        if rule.state is RuleState.STUCK and _is_ours(rule, job) and has_service(lake):
            as_service(lake, partial(lake.set_lifetime, rule.id, seconds=0))
            raise BackendUnavailable(
                f"{lake.config.title} gives up the attempt that was stuck. It is asked again."
            )
        return rule.id
    raise BackendUnavailable(
        f"{lake.config.title} says that this is staged already, and does not show it yet."
    )


def _end(lake: DataLake, job: Job) -> None:
    rule = as_service(lake, lambda token: lake.rule(job.remote_id, token))
    if _is_ours(rule, job):
        as_service(lake, partial(lake.set_lifetime, rule.id, seconds=0))


def _comment(job: Job) -> str:
    words = str(job.parameters.get("comment", ""))
    return f"ESAP {job.mark}" + (f": {words}" if words else "")


def _is_of(rule: Rule, mark: str) -> bool:
    return rule.comment.partition(":")[0] == f"ESAP {mark}"


def _is_ours(rule: Rule, job: Job) -> bool:
    """Whether a rule was made for this job, now or before a retry."""
    return rule.comment.startswith(f"ESAP {job.pk}")


def _is_over(lake: DataLake, rule: Rule) -> bool:
    since = rule.stuck_since or rule.updated or rule.created
    patience = timedelta(seconds=lake.config.patience)
    return since is None or since + patience <= timezone.now()


def _progress(rule: Rule, total: int) -> str:
    sentence = f"{rule.ok} of {total} files are there"
    sentence += f", {rule.replicating} on their way" if rule.replicating else ""
    sentence += f", {rule.stuck} stuck" if rule.stuck else ""
    if rule.state is RuleState.OK and rule.expires:
        sentence += f", until {rule.expires:%Y-%m-%d %H:%M} UTC"
    return sentence


def _why(lake: DataLake, job: Job) -> EsapError:
    """Return why a rule is stuck, in the lake's own words, for each file."""
    said = _asker(lake, job)(lambda token: lake.analysis(job.remote_id, token))
    transfers = [each for each in said.get("transfers") or () if isinstance(each, dict)]
    reason = " ".join(str(said.get("rule_error") or "it does not say why").split())
    return BackendFailed(
        f"{lake.config.title} cannot bring {item_of_part(job)} there: {reason[:500]}",
        peer=job.peer,
        files=[
            {
                key: transfer.get(key)
                for key in ("scope", "name", "rse", "attempts", "last_error", "last_source")
            }
            for transfer in transfers[:_MOST_TOLD]
        ],
    )
