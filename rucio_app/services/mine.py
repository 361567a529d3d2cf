"""My data lake: the caller's account, usage, and rules."""

from typing import Any

from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Item, Listing, Rule, RuleState
from rucio_app.services.access import as_user
from rucio_app.services.browsing import MOST

__all__ = ["account", "rule", "rules"]


def account(lake: DataLake, user: Any) -> dict[str, Any]:
    """Return the account, its identities, and what it has and may have at each element."""

    def ask(token: str) -> dict[str, Any]:
        name = lake.account(token)
        return {**lake.account_details(name, token), "usage": lake.usage(name, token)}

    return as_user(lake, user, ask)


def rules(
    lake: DataLake,
    user: Any,
    *,
    state: RuleState | None = None,
    rse_expression: str = "",
    text: str = "",
) -> Listing:
    """Return the caller's rules, the newest first; those with a text in their DID or comment."""

    def ask(token: str) -> Listing:
        return lake.rules(token, account=lake.account(token), state=state, most=MOST)

    found = as_user(lake, user, ask)
    chosen = [
        rule
        for rule in found.members
        if rse_expression in ("", rule.rse_expression)
        and text in f"{rule.scope}:{rule.name} {rule.comment}"
    ]
    chosen.sort(key=_age, reverse=True)
    return Listing(chosen, found.complete)


def rule(lake: DataLake, user: Any, rule_id: str) -> dict[str, Any]:
    """Return a rule with its locks, why it is stuck if it is, and those that were before it."""
    found = as_user(lake, user, lambda token: lake.rule(rule_id, token))
    item = _item(found)

    def ask(token: str) -> dict[str, Any]:
        locks = lake.locks(rule_id, token, most=MOST)
        stuck = found.state == RuleState.STUCK
        return {
            "rule": found,
            "locks": locks.members,
            "complete": locks.complete,
            "analysis": lake.analysis(rule_id, token) if stuck else None,
            "history": lake.rule_history(item, token, most=MOST).members,
        }

    return as_user(lake, user, ask)


def _item(rule: Rule) -> Item:
    return Item(rule.scope, rule.name)


def _age(rule: Rule) -> str:
    return rule.created.isoformat() if rule.created else ""
