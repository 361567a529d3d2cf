"""A lake that is only memory, and stagings as they are kept, for tests of rules."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

from django.utils import timezone

from esap.clients.rucio import Login
from esap.errors import (
    AlreadyExists,
    BackendUnavailable,
    NotFound,
    OverQuota,
)
from esap.jobs.models import Job
from rucio_app.backends.values import Item, Listing, Rule, RuleState
from rucio_app.services.making import make_rules
from rucio_app.services.staging import PART, WHOLE

__all__ = ["Memory", "handed_over", "many", "staging_of"]

ASKED = {
    "type": "file",
    "rse_expression": "A",
    "copies": 1,
    "lifetime": 3600,
    "comment": "",
    "account": "alice",
}


class Memory:
    """A lake in memory that makes all rules or none, as Rucio does, and counts its questions."""

    def __init__(self):
        self.rules_by_id = {}
        self.asked = Counter()
        self.asynchronous = []
        self.lasting = {}
        self.missing = set()
        self.over_quota = set()
        self.away_from = None
        self.login = Login("service", timezone.now() + timedelta(hours=1))
        self.config = SimpleNamespace(
            id="lake", title="The lake", service=object(), longest_lifetime=86_400
        )

    def service_login(self):
        return self.login

    def make_rules(
        self, items, token, *, account, rse_expression, copies, lifetime, comment, asynchronous
    ):
        self.asked["make"] += 1
        self.asynchronous.append(asynchronous)
        if self.asked["make"] == self.away_from:
            raise BackendUnavailable("The lake is away.")
        there = {Item(rule.scope, rule.name) for rule in self.rules_by_id.values()}
        if there & set(items):
            raise AlreadyExists("There is such a rule.")
        if self.missing & {item.name for item in items}:
            raise NotFound("There is no such DID.")
        if self.over_quota & {item.name for item in items}:
            raise OverQuota("Too much.")
        made = [self.put(item.name, account=account, comment=comment) for item in items]
        return [rule.id for rule in made]

    def put(self, name, **said):
        number = len(self.rules_by_id) + 1
        usual = {
            "id": f"{number:032x}",
            "scope": "escape",
            "name": name,
            "account": "alice",
            "state": RuleState.REPLICATING,
            "rse_expression": "A",
            "copies": 1,
            "ok": 0,
            "replicating": 1,
            "stuck": 0,
            "error": None,
            "comment": "",
            "activity": None,
            "created": None,
            "updated": None,
            "expires": None,
            "stuck_since": None,
        }
        rule = Rule(**{**usual, **said})
        self.rules_by_id[rule.id] = rule
        return rule

    def rules(self, token, *, account, state=None, most):
        self.asked["rules"] += 1
        found = [rule for rule in self.rules_by_id.values() if rule.account == account]
        return Listing([rule for rule in found if state in (None, rule.state)])

    def rules_of(self, item, token):
        self.asked["rules_of"] += 1
        return [rule for rule in self.rules_by_id.values() if rule.name == item.name]

    def rule(self, rule_id, token):
        self.asked["rule"] += 1
        if rule_id not in self.rules_by_id:
            raise NotFound("gone")
        return self.rules_by_id[rule_id]

    def set_lifetime(self, rule_id, token, seconds):
        if seconds:
            self.lasting[rule_id] = seconds
            return
        self.asked["end"] += 1
        del self.rules_by_id[rule_id]

    def names(self):
        return [rule.name for rule in self.rules_by_id.values()]


def staging_of(owner, *names, **asked):
    """A staging as it is kept, with a part for each name."""
    whole = Job.objects.create(kind=WHOLE, owner=owner, phase="QUEUED", gathers=True)
    return [
        Job.objects.create(
            kind=PART,
            owner=owner,
            parent=whole,
            peer="lake",
            phase="QUEUED",
            parameters={**ASKED, "scope": "escape", "name": name, **asked},
        )
        for name in names
    ]


def handed_over(parts):
    """Have rules made for parts, and write them down."""
    outcomes = make_rules(parts)
    for part in parts:
        part.remote_id = outcomes[part.pk]
        part.save()
    return parts


def many(count):
    return [f"file.{number}" for number in range(count)]
