"""Rules are made once for each DID, in few questions; and ended only when nobody needs them."""

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from accounts.models import User
from esap.clients.rucio import Login
from esap.errors import (
    AlreadyExists,
    BackendUnavailable,
    InvalidRequest,
    LoginAgain,
    NotFound,
    OverQuota,
)
from esap.jobs.models import Job
from rucio_app.backends.values import Item, Listing, Rule, RuleState
from rucio_app.services import making
from rucio_app.services.making import make_rule, make_rules
from rucio_app.services.rules import end_rules, find_rules
from rucio_app.services.staging import PART, WHOLE

pytestmark = pytest.mark.django_db

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


@pytest.fixture
def lake(monkeypatch):
    lake = Memory()
    monkeypatch.setattr(making, "lake_for", lambda user, peer: lake)
    monkeypatch.setattr(making, "as_user", lambda lake, user, question: question("user"))
    return lake


@pytest.fixture
def alice():
    return User.objects.create(username="alice")


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


def test_a_hundred_dids_take_one_question(lake, alice):
    parts = staging_of(alice, *many(100))

    outcomes = make_rules(parts)

    assert lake.asked == {"make": 1}
    assert [lake.rules_by_id[outcomes[part.pk]].name for part in parts] == many(100)


def test_rules_carry_the_id_of_their_staging_and_the_users_words(lake, alice):
    one = staging_of(alice, "a", "b", comment="for my paper")
    again = staging_of(alice, "c")
    again[0].round = 2

    make_rules(one)
    make_rule(again[0])

    assert [rule.comment for rule in lake.rules_by_id.values()] == [
        f"ESAP {one[0].parent_id}: for my paper",
        f"ESAP {one[0].parent_id}: for my paper",
        f"ESAP {again[0].parent_id}.2",
    ]


def test_rules_that_are_there_are_looked_up_in_one_question_and_the_others_made(lake, alice):
    there = [lake.put(name).id for name in many(50)]
    parts = staging_of(alice, *many(100))

    outcomes = make_rules(parts)

    assert [outcomes[part.pk] for part in parts[:50]] == there
    assert lake.names() == many(100)
    assert lake.asked == {"make": 2, "rules": 1}


@pytest.mark.parametrize(("bad", "error"), [("missing", InvalidRequest), ("over_quota", OverQuota)])
def test_one_that_is_refused_is_found_by_halves_and_alone_fails(lake, alice, bad, error):
    getattr(lake, bad).add("file.37")
    parts = staging_of(alice, *many(64))

    outcomes = make_rules(parts)

    assert type(outcomes[parts[37].pk]) is error
    assert sorted(lake.names()) == sorted(set(many(64)) - {"file.37"})
    assert lake.asked == {"make": 13}


def test_a_lake_that_goes_away_between_halves_does_not_make_the_first_half_forgotten(lake, alice):
    lake.missing.add("a")
    lake.away_from = 5  # all; a, b; a; b; and now c, d
    parts = staging_of(alice, "a", "b", "c", "d")

    outcomes = [
        outcomes if isinstance(outcomes, str) else type(outcomes)
        for outcomes in make_rules(parts).values()
    ]

    assert outcomes == [InvalidRequest, f"{1:032x}", BackendUnavailable, BackendUnavailable]


def test_whoever_has_to_log_in_again_is_not_asked_for_each_part(lake, alice, monkeypatch):
    asked = []

    def ended(lake, user, question):
        asked.append(question)
        raise LoginAgain("Log in again.")

    monkeypatch.setattr(making, "as_user", ended)
    parts = staging_of(alice, "a", "b", type="dataset")

    outcomes = make_rules(parts)

    assert {type(outcome) for outcome in outcomes.values()} == {LoginAgain}
    assert (len(outcomes), len(asked)) == (2, 1)


def test_parts_of_another_round_have_another_mark(lake, alice):
    parts = staging_of(alice, "a", "b", "c")
    parts[1].round = 2

    make_rules(parts)

    staging = parts[0].parent_id
    marks = {rule.name: rule.comment for rule in lake.rules_by_id.values()}
    assert marks == {"a": f"ESAP {staging}", "b": f"ESAP {staging}.2", "c": f"ESAP {staging}"}


def test_collections_are_asked_for_each_by_itself_after_the_files(lake, alice):
    collections = staging_of(alice, "a", "b", type="dataset")
    files = staging_of(alice, *many(10))

    make_rules([*collections, *files])

    assert lake.names() == [*many(10), "a", "b"]
    assert lake.asked == {"make": 3}


def test_collections_for_which_no_time_is_left_are_left_out(lake, alice, monkeypatch):
    seconds = iter([0.0, 1.0, 29.0, 31.0])
    monkeypatch.setattr(making, "monotonic", lambda: next(seconds))
    parts = staging_of(alice, "a", "b", "c", "d", type="dataset")

    outcomes = make_rules(parts)

    assert [part.pk in outcomes for part in parts] == [True, True, True, False]


def test_what_takes_long_to_work_out_is_worked_out_later(lake, alice):
    make_rules(staging_of(alice, "a", type="dataset", asynchronous=True))
    make_rules(staging_of(alice, "b", type="dataset"))

    assert lake.asynchronous == [True, False]


def test_a_rule_that_is_being_removed_is_waited_for_and_the_others_are_made(lake, alice):
    lake.put("a", expires=timezone.now() - timedelta(seconds=1))
    first, second = staging_of(alice, "a", "b")

    outcomes = make_rules([first, second])

    assert type(outcomes[first.pk]) is BackendUnavailable
    assert lake.rules_by_id[outcomes[second.pk]].name == "b"


@pytest.mark.parametrize(("minutes", "waits"), [(0, True), (11, False)])
def test_a_rule_of_a_staging_that_was_cancelled_just_now_is_waited_for(lake, alice, minutes, waits):
    (cancelled,) = handed_over(staging_of(alice, "a"))
    now = timezone.now()
    ended = {"ended": now - timedelta(minutes=minutes), "due": now}
    Job.objects.filter(pk=cancelled.pk).update(phase="ABORTED", **ended)
    again = staging_of(alice, "a", "b")

    outcome = make_rules(again)[again[0].pk]

    assert (type(outcome) is BackendUnavailable, outcome == cancelled.remote_id) == (
        waits,
        not waits,
    )


@pytest.mark.parametrize(
    ("seconds", "by_hand", "lasting"),
    [(600, False, [3_600]), (3_500, False, []), (86_000, False, []), (600, True, [])],
)
def test_a_rule_of_an_earlier_staging_that_would_end_too_soon_is_prolonged(
    lake, alice, seconds, by_hand, lasting
):
    (earlier,) = staging_of(alice, "a")
    rule = lake.put(
        "a",
        comment="by hand" if by_hand else f"ESAP {earlier.parent_id}",
        expires=timezone.now() + timedelta(seconds=seconds),
    )
    (part,) = staging_of(alice, "a")

    assert make_rule(part) == rule.id
    assert list(lake.lasting.values()) == lasting


def test_a_rule_of_another_account_or_place_or_number_is_in_nobodys_way(lake, alice):
    for change in ({"account": "bob"}, {"rse_expression": "B"}, {"copies": 2}):
        lake.put("a", **change)
    (part,) = staging_of(alice, "a")

    # The lake says that there is one, and does not show it.
    with pytest.raises(BackendUnavailable, match="does not show it"):
        make_rule(part)


def test_a_stuck_attempt_of_an_earlier_staging_is_given_up(lake, alice):
    (failed,) = handed_over(staging_of(alice, "a"))
    stuck = lake.rules_by_id.pop(failed.remote_id)
    lake.put("a", state=RuleState.STUCK, comment=stuck.comment)
    Job.objects.filter(pk=failed.pk).update(phase="ERROR")
    (part,) = staging_of(alice, "a")

    with pytest.raises(BackendUnavailable, match="gives up"):
        make_rule(part)

    assert lake.names() == []


@pytest.mark.parametrize("comment", ["", "ESAP", "ESAP paper", "mine", f"ESAP {'0' * 32}"])
def test_a_stuck_rule_that_somebody_else_made_is_shared(lake, alice, comment):
    stuck = lake.put("a", state=RuleState.STUCK, comment=comment)
    (part,) = staging_of(alice, "a")

    assert make_rule(part) == stuck.id


def test_a_stuck_rule_that_another_staging_waits_for_is_shared(lake, alice):
    (waiting,) = handed_over(staging_of(alice, "a"))
    rule = lake.rules_by_id.pop(waiting.remote_id)
    stuck = lake.put("a", state=RuleState.STUCK, comment=rule.comment)
    Job.objects.filter(pk=waiting.pk).update(phase="EXECUTING", remote_id=stuck.id)
    (part,) = staging_of(alice, "a")

    assert make_rule(part) == stuck.id


@pytest.mark.parametrize(("count", "asked"), [(3, {"rules_of": 3}), (50, {"rules": 1})])
def test_rules_are_found_by_the_mark_of_their_staging(lake, alice, count, asked):
    parts, others = staging_of(alice, *many(count)), staging_of(alice, "other")
    make_rules(parts[1:])
    make_rules(others)
    lake.asked.clear()

    found = find_rules(lake, parts)

    assert list(found) == [part.pk for part in parts[1:]]
    assert [lake.rules_by_id[found[part.pk]].name for part in parts[1:]] == many(count)[1:]
    assert lake.asked == asked


def test_a_rule_of_the_round_before_is_not_taken_for_this_one(lake, alice):
    (part,) = staging_of(alice, "a")
    make_rule(part)
    part.round = 2

    assert find_rules(lake, [part]) == {}


def test_only_rules_that_stagings_of_the_same_user_made_are_ended(lake, alice):
    (mine,) = handed_over(staging_of(alice, "mine"))
    bob = User.objects.create(username="bob")
    (bobs,) = handed_over(staging_of(bob, "bobs", account="bob"))
    parts = staging_of(alice, "by hand", "bobs", "gone")
    for part, rule in zip(parts, [lake.put("by hand").id, bobs.remote_id, "f" * 32], strict=True):
        part.remote_id = rule

    end_rules(lake, [mine, *parts])

    assert lake.names() == ["bobs", "by hand"]


@pytest.mark.parametrize("phase", ["QUEUED", "EXECUTING", "COMPLETED"])
def test_a_rule_that_another_staging_has_is_ended_with_the_last_that_has_it(lake, alice, phase):
    (first,) = handed_over(staging_of(alice, "a"))
    (second,) = staging_of(alice, "a")
    second.remote_id, second.phase = make_rule(second), phase
    second.save()
    assert second.remote_id == first.remote_id

    end_rules(lake, [first])
    assert lake.names() == ["a"]

    Job.objects.filter(pk=first.pk).update(phase="ABORTED")
    end_rules(lake, [second])
    assert lake.names() == []


def test_a_rule_that_another_user_of_the_same_account_has_stays(lake, alice):
    (mine,) = handed_over(staging_of(alice, "a"))
    (theirs,) = staging_of(User.objects.create(username="alice at another provider"), "a")
    theirs.remote_id, theirs.phase = make_rule(theirs), "COMPLETED"
    theirs.save()

    end_rules(lake, [mine])

    assert (lake.names(), theirs.remote_id) == (["a"], mine.remote_id)


def test_a_rule_that_is_asked_for_anew_just_now_is_ended_later_if_at_all(lake, alice):
    first, other = handed_over(staging_of(alice, "a", "b"))
    (anew,) = staging_of(alice, "a")
    Job.objects.filter(pk=anew.pk).update(lease=anew.pk)

    with pytest.raises(BackendUnavailable):
        end_rules(lake, [first, other])
    assert lake.names() == ["a"]

    Job.objects.filter(pk=anew.pk).update(lease=None, remote_id=first.remote_id)
    end_rules(lake, [first, other])
    assert lake.names() == ["a"]


def test_many_rules_are_looked_up_in_one_question_for_each_open_state(lake, alice):
    parts = handed_over(staging_of(alice, *many(20)))
    lake.asked.clear()

    end_rules(lake, parts)

    assert lake.asked == {"rules": 5, "end": 20}


def test_a_rule_that_has_ended_is_not_ended_again(lake, alice):
    (part,) = handed_over(staging_of(alice, "a"))
    mark = lake.rules_by_id.pop(part.remote_id).comment
    ended = lake.put("a", comment=mark, expires=timezone.now() - timedelta(seconds=1))
    lake.asked.clear()

    end_rules(lake, [part])

    assert (ended.id, lake.asked["end"]) == (part.remote_id, 0)


def test_without_an_account_of_the_gateways_rules_are_left_to_their_lifetimes(lake, alice):
    parts = handed_over(staging_of(alice, "a"))
    lake.login = None
    lake.config.service = None

    end_rules(lake, parts)

    assert lake.names() == ["a"]
