"""Stagings are followed in bulk, and told in the words of jobs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from esap.errors import BackendFailed, EsapError
from esap.jobs.models import Job, Phase
from esap.jobs.remote import Follower, Standing, State
from rucio_app.backends.base import DataLake, lakes
from rucio_app.backends.values import Rule, RuleState
from rucio_app.services.access import lake_for
from rucio_app.services.rules import asker, by_account, end_rules, find_rules, rules_with
from rucio_app.services.staging import item_of_part, staying_until

__all__ = ["Stagings"]

logger = structlog.get_logger(__name__)

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
        standings: dict[str, Standing] = {}
        for (account, _), theirs in by_account(jobs).items():
            try:
                ids = {job.remote_id for job in theirs}
                rules = rules_with(asker(lake, theirs[0]), lake, account, ids)
            except EsapError as error:
                if error.retryable:
                    raise
                # One who is not known there any more must not keep the others from being followed.
                standings |= {job.remote_id: error for job in theirs}
                continue
            for job in theirs:
                if rule := rules.get(job.remote_id):
                    standings[job.remote_id] = self._state(lake, job, rule)
        return standings

    def find(self, job: Job) -> str | None:
        """Find the rule that carries the mark of the job's staging."""
        return self.find_many([job]).get(job.pk)

    def find_many(self, jobs: Sequence[Job]) -> Mapping[UUID, str]:
        """Find the rules of parts of one staging, in one question."""
        return find_rules(lake_for(jobs[0].owner, jobs[0].peer), jobs)

    def cancel(self, peer: str, jobs: Sequence[Job]) -> None:
        """End the rules that were made for these jobs; those that were there before stay."""
        end_rules(lakes.for_gateway().get(peer), jobs)

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
                phase=Phase.ERROR,
                fraction=fraction,
                sentence=sentence,
                problem=_why(lake, job, rule),
            )
        reason = rule.error or "" if rule.state is RuleState.STUCK else _WAITS.get(rule.state, "")
        return State(
            phase=_PHASES.get(rule.state, Phase.EXECUTING),
            fraction=fraction,
            sentence=sentence,
            waits_for=reason and f"{lake.config.title}: {reason}",
        )


def _is_over(lake: DataLake, rule: Rule) -> bool:
    since = rule.stuck_since or rule.updated or rule.created
    patience = timedelta(seconds=lake.config.patience)
    return since is None or since + patience <= timezone.now()


def _progress(rule: Rule, total: int) -> str:
    sentence = f"{rule.ok} of {total} files are there"
    sentence += f", {rule.replicating} on their way" if rule.replicating else ""
    sentence += f", {rule.stuck} stuck" if rule.stuck else ""
    if rule.state is RuleState.OK and rule.expires:
        sentence = staying_until(rule.expires, sentence)
    return sentence


def _why(lake: DataLake, job: Job, rule: Rule) -> EsapError:
    """Return why a rule is stuck, in the lake's own words, for each file."""
    said: dict[str, Any] = {}
    try:
        said = asker(lake, job)(lambda token: lake.analysis(job.remote_id, token))
    except EsapError as error:
        if error.retryable:
            raise
        # The rule itself says less, but enough: nobody else shall wait for this one.
        logger.warning("a lake does not say why a rule is stuck", because=error.detail)
    transfers = [each for each in said.get("transfers") or () if isinstance(each, dict)]
    told = said.get("rule_error") or rule.error or "it does not say why"
    reason = " ".join(str(told).split())
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
