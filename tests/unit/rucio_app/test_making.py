"""Rules are made once for each DID, in few questions."""

from datetime import timedelta

import pytest
from django.utils import timezone

from esap.errors import (
    BackendUnavailable,
    InvalidRequest,
    LoginAgain,
    OverQuota,
)
from esap.jobs.models import Job
from rucio_app.backends.values import RuleState
from rucio_app.services import making
from rucio_app.services.making import make_rule, make_rules
from tests.unit.rucio_app.memory import handed_over, many, staging_of

pytestmark = pytest.mark.django_db


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
