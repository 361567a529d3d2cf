"""Only rules that stagings made are prolonged, and none is made to end sooner."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts.models import User
from esap.clients.rucio import Login
from esap.errors import NotFound
from esap.jobs.models import Job
from rucio_app.backends.values import Listing, Rule, RuleState
from rucio_app.services import extending
from rucio_app.services.extending import extend
from rucio_app.services.staging import PART, WHOLE

pytestmark = pytest.mark.django_db

HOUR, DAY = 3_600, 86_400


class Memory:
    """A lake in memory: what its rules were made to last, and how often it was asked."""

    def __init__(self):
        self.kept = {}
        self.lasting = {}
        self.asked = Counter()
        self.config = SimpleNamespace(
            id="lake",
            title="The lake",
            service=object(),
            longest_lifetime=DAY,
            most_copies=3,
        )

    def service_login(self):
        return Login("service", timezone.now() + timedelta(hours=1))

    def put(self, number, comment, seconds):
        expires = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
        blank = dict.fromkeys(("error", "activity", "created", "updated", "stuck_since"))
        counts = {"copies": 1, "ok": 1, "replicating": 0, "stuck": 0}
        rule = Rule(
            id=f"{number:032x}",
            scope="escape",
            name="a",
            account="alice",
            state=RuleState.OK,
            rse_expression="A",
            comment=comment,
            expires=expires,
            **counts,
            **blank,
        )
        self.kept[rule.id] = rule
        return rule.id

    def rules(self, token, *, account, state=None, most):
        self.asked["rules"] += 1
        return Listing([rule for rule in self.kept.values() if rule.state == state])

    def rule(self, rule_id, token):
        self.asked["rule"] += 1
        if rule_id not in self.kept:
            raise NotFound("gone")
        return self.kept[rule_id]

    def set_lifetime(self, rule_id, token, seconds):
        self.lasting[rule_id] = seconds


@pytest.fixture
def lake(monkeypatch):
    lake = Memory()
    monkeypatch.setattr(extending, "lake_for", lambda user, peer: lake)
    return lake


@pytest.fixture
def alice():
    return User.objects.create(username="alice")


@pytest.fixture
def staging(alice):
    return Job.objects.create(kind=WHOLE, owner=alice, phase="COMPLETED", gathers=True)


def part_with(staging, rule_id, phase="COMPLETED"):
    return Job.objects.create(
        kind=PART,
        owner=staging.owner,
        parent=staging,
        peer="lake",
        phase=phase,
        remote_id=rule_id,
        parameters={"scope": "escape", "name": "a", "account": "alice"},
    )


def extended(staging, lifetime):
    (told,) = extend(staging.owner, staging, lifetime)
    return told["extended"], told["detail"].partition(":")[0]


def test_a_rule_of_the_staging_lasts_so_long_from_now(lake, staging):
    rule = lake.put(1, f"ESAP {staging.pk}: for my paper", HOUR)
    part_with(staging, rule)

    assert extended(staging, DAY) == (True, "")
    assert lake.lasting == {rule: DAY}


def test_a_rule_without_an_end_gets_none(lake, staging):
    part_with(staging, lake.put(1, "", None))

    assert extended(staging, DAY) == (True, "It stays")
    assert lake.lasting == {}


def test_a_rule_that_was_made_by_other_means_is_left_alone(lake, staging):
    part_with(staging, lake.put(1, "made by hand", HOUR))

    told = (False, "Its rule was there before, made by other means than a staging")
    assert extended(staging, DAY) == told
    assert lake.lasting == {}


def test_a_rule_that_lasts_longer_is_not_made_to_end_sooner(lake, staging):
    part_with(staging, lake.put(1, f"ESAP {staging.pk}", DAY))

    (told,) = extend(staging.owner, staging, HOUR)

    assert (told["extended"], lake.lasting) == (True, {})
    assert told["detail"].startswith("It stays until ")


def test_what_has_no_rule_any_more_is_told(lake, staging):
    part_with(staging, "f" * 32)
    part_with(staging, "", phase="ERROR")

    told = [each["detail"] for each in extend(staging.owner, staging, HOUR)]

    assert told == [
        "Its rule has ended, and the files may be gone: stage it again.",
        "This part is ERROR, and has no rule to extend.",
    ]
