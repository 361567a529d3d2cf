"""Rules are found by their marks, and ended only when nobody needs them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from esap.errors import (
    BackendUnavailable,
)
from esap.jobs.models import Job
from rucio_app.services.making import make_rule, make_rules
from rucio_app.services.rules import end_rules, find_rules
from tests.unit.rucio_app.memory import handed_over, many, staging_of

pytestmark = pytest.mark.django_db


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
