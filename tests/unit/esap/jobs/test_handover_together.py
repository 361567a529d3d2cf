"""Parts that a peer takes in one request go there together, and none because of another is lost."""

import sys
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from esap.errors import (
    BackendRefused,
    BackendUnavailable,
    InvalidRequest,
    LoginAgain,
    UnreadableAnswer,
)
from esap.jobs import kinds, resuming, runner, services, sweeper
from esap.jobs.kinds import JobKind, Part
from esap.jobs.models import Job
from tests.unit.esap.jobs.kinds import cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def parts_of(rung, django_capture_on_commit_callbacks):
    def make(count, owner=None, kind="test.many", peer="slurm"):
        parts = [Part(kind=kind, parameters={}, peer=peer)] * count
        with django_capture_on_commit_callbacks(execute=True):
            whole = services.submit_parts("test.parts", {}, parts, owner)
        return list(Job.objects.filter(parent=whole).order_by("created", "pk"))

    return make


def now(parts):
    return [Job.objects.get(pk=part.pk) for part in parts]


def past():
    return timezone.now() - timedelta(seconds=1)


def test_as_many_go_together_as_the_kind_allows_and_then_the_next_have_their_turn(parts_of):
    parts = parts_of(5)

    following = runner.carry_out(parts[0].pk)
    rest = runner.carry_out(following[0])

    assert cluster.together == [[p.mark for p in parts[:3]], [p.mark for p in parts[3:]]]
    assert (following, rest) == ([parts[3].pk], [])
    assert {part.remote_id: part.mark for part in now(parts)} == cluster.marks
    assert {(part.phase, part.lease, part.due) for part in now(parts)} == {("QUEUED", None, None)}


def test_all_of_them_take_one_message(parts_of, rung):
    parts = parts_of(5)

    assert rung == [parts[0].pk]


def test_parts_at_another_peer_have_a_message_of_their_own(
    rung, django_capture_on_commit_callbacks
):
    parts = [Part(kind="test.many", parameters={}, peer=peer) for peer in "aabb"]

    with django_capture_on_commit_callbacks(execute=True):
        services.submit_parts("test.parts", {}, parts)

    assert [Job.objects.get(pk=key).peer for key in rung] == ["a", "b"]


def test_one_that_is_alone_is_submitted_by_itself(parts_of):
    (part,) = parts_of(1)

    assert runner.carry_out(part.pk) == []
    assert (cluster.together, cluster.marks) == ([], {"r1": part.mark})


def test_parts_of_another_job_or_peer_or_kind_are_left_for_themselves(parts_of):
    parts = parts_of(2)
    others = [
        *parts_of(1),
        services.add_parts(parts[0].parent, [Part(kind="test.many", parameters={}, peer="b")])[0],
        services.add_parts(parts[0].parent, [Part(kind="test.remote", parameters={}, peer="b")])[0],
    ]

    runner.carry_out(parts[0].pk)

    assert cluster.together == [[part.mark for part in parts]]
    assert [part.remote_id for part in now(others)] == ["", "", ""]


def test_one_that_is_refused_fails_alone(parts_of):
    parts = parts_of(3)
    cluster.refused[parts[1].mark] = InvalidRequest("There is no such DID.")

    runner.carry_out(parts[0].pk)

    after = now(parts)
    assert [part.phase for part in after] == ["QUEUED", "ERROR", "QUEUED"]
    assert [bool(part.remote_id) for part in after] == [True, False, True]
    assert after[1].problem["detail"] == "There is no such DID."


@pytest.mark.parametrize(
    ("error", "phase"),
    [
        (BackendUnavailable("It is down."), "QUEUED"),
        (LoginAgain("Log in."), "HELD"),
        (BackendRefused("You have no account."), "ERROR"),
    ],
)
def test_what_is_raised_is_meant_for_all(parts_of, error, phase):
    parts = parts_of(3)
    cluster.submitting = error

    runner.carry_out(parts[0].pk)

    assert {part.phase for part in now(parts)} == {phase}
    assert {part.lease for part in now(parts)} == {None}


def test_a_peer_that_is_away_is_asked_later_for_all_together(parts_of, rung):
    parts = parts_of(3)
    cluster.submitting = BackendUnavailable("It is down.")
    runner.carry_out(parts[0].pk)
    # Before their time nobody takes them along.
    assert runner.carry_out(parts[0].pk) == []
    assert cluster.together == [[part.mark for part in parts]]
    cluster.submitting = None
    rung.clear()
    Job.objects.filter(remote_id="", gathers=False).update(due=past())

    sweeper.sweep()

    assert len(rung) == 1
    runner.carry_out(rung[0])
    assert len(cluster.together) == 2
    assert sorted(cluster.together[1]) == sorted(part.mark for part in parts)
    assert {part.waits_for for part in now(parts)} == {""}


def test_held_parts_go_on_together_after_the_login(
    parts_of, rung, ada, django_capture_on_commit_callbacks
):
    parts = parts_of(3, ada)
    cluster.submitting = LoginAgain("Log in.")
    runner.carry_out(parts[0].pk)
    cluster.submitting = None
    rung.clear()

    with django_capture_on_commit_callbacks(execute=True):
        assert resuming.resume_held(ada) == 3

    assert rung == [parts[0].pk]
    runner.carry_out(rung[0])
    assert {part.phase for part in now(parts)} == {"QUEUED"}
    assert len(cluster.marks) == 3


def test_of_those_whose_worker_died_each_is_found_or_submitted(parts_of):
    parts = parts_of(3)
    Job.objects.filter(gathers=False).update(submitting=past(), attempt=1, due=past())
    cluster.take(parts[1].mark)

    runner.carry_out(parts[0].pk)

    assert cluster.together == [[parts[0].mark, parts[2].mark]]
    assert {part.remote_id: part.mark for part in now(parts)} == cluster.marks
    assert len(cluster.marks) == 3


def test_while_nobody_knows_of_those_in_doubt_they_wait_and_the_others_go_on(parts_of):
    parts = parts_of(3)
    doubt = Job.objects.filter(pk__in=[parts[1].pk, parts[2].pk])
    doubt.update(submitting=past(), attempt=1, due=past())
    cluster.asking = UnreadableAnswer("The answer broke off.")

    runner.carry_out(parts[0].pk)

    assert [(part.phase, part.remote_id, part.waits_for) for part in now(parts)] == [
        ("QUEUED", "r1", ""),
        ("QUEUED", "", "The answer broke off."),
        ("QUEUED", "", "The answer broke off."),
    ]


def test_those_that_were_found_are_kept_when_the_others_are_refused(parts_of):
    parts = parts_of(3)
    Job.objects.filter(gathers=False).update(submitting=past(), attempt=1, due=past())
    cluster.take(parts[1].mark)
    cluster.submitting = BackendRefused("You have no account.")

    runner.carry_out(parts[0].pk)

    assert [(part.phase, part.remote_id) for part in now(parts)] == [
        ("ERROR", ""),
        ("QUEUED", "r1"),
        ("ERROR", ""),
    ]


def test_those_that_were_not_asked_for_have_their_turn_next(parts_of, monkeypatch):
    parts = parts_of(3)
    asked = []

    def submit_many(jobs):
        asked.append([job.mark for job in jobs])
        return {jobs[0].pk: cluster.take(jobs[0].mark)}

    with_submit_many(monkeypatch, submit_many)
    turn = parts[0].pk
    while waiting := runner.carry_out(turn):
        turn = waiting[0]

    marks = [part.mark for part in parts]
    assert asked == [marks, marks[1:]]  # the last, alone, is submitted by itself
    assert [part.remote_id for part in now(parts)] == ["r1", "r2", "r3"]
    assert {(part.attempt, part.lease) for part in now(parts)} == {(1, None)}


def test_one_that_is_aborted_meanwhile_is_to_be_stopped_and_the_others_go_on(parts_of, monkeypatch):
    parts = parts_of(3)

    def submit_many(jobs):
        services.abort(parts[1])
        return {job.pk: cluster.take(job.mark) for job in jobs}

    with_submit_many(monkeypatch, submit_many)
    runner.carry_out(parts[0].pk)

    after = now(parts)
    assert [part.phase for part in after] == ["QUEUED", "ABORTED", "QUEUED"]
    assert [part.remote_id for part in after] == ["r1", "r2", "r3"]
    assert after[1].due <= timezone.now()


def test_a_worker_told_to_end_leaves_all_to_the_next(parts_of, monkeypatch):
    parts = parts_of(3)

    def submit_many(jobs):
        for job in jobs:
            cluster.take(job.mark)
        sys.exit(0)

    with_submit_many(monkeypatch, submit_many)
    with pytest.raises(SystemExit):
        runner.carry_out(parts[0].pk)
    assert {(part.phase, part.lease, part.remote_id) for part in now(parts)} == {
        ("QUEUED", None, "")
    }
    Job.objects.filter(gathers=False).update(due=past())

    runner.carry_out(parts[2].pk)

    assert [part.remote_id for part in now(parts)] == ["r1", "r2", "r3"]
    assert len(cluster.marks) == 3


def test_one_that_another_worker_has_is_left_to_it(parts_of):
    parts = parts_of(3)
    Job.objects.filter(pk=parts[1].pk).update(lease=parts[1].pk)

    runner.carry_out(parts[0].pk)

    assert cluster.together == [[parts[0].mark, parts[2].mark]]
    assert now(parts)[1].remote_id == ""


def test_the_sweeper_rings_once_for_those_that_go_together(parts_of, rung):
    first, second = parts_of(4), parts_of(4)
    rung.clear()
    Job.objects.filter(gathers=False).update(due=past())

    sweeper.sweep()

    assert sorted(part.parent_id for part in now_with(rung)) == sorted(
        {first[0].parent_id, second[0].parent_id}
    )


def test_a_kind_that_takes_many_has_to_take_one_as_well():
    with pytest.raises(TypeError, match="give it, too"):
        JobKind("test.wrong", submit_many=cluster.submit_many)


def now_with(keys):
    return list(Job.objects.filter(pk__in=keys))


def with_submit_many(monkeypatch, submit_many):
    kind = JobKind("test.many", submit=cluster.submit, submit_many=submit_many, follower=cluster)
    monkeypatch.setattr("esap.jobs.kinds._kinds", lambda paths: {kind.name: kind})


def test_the_sweeper_leaves_a_part_alone_that_a_worker_takes_meanwhile(parts_of, rung, monkeypatch):
    (part,) = parts_of(1)
    rung.clear()
    Job.objects.filter(pk=part.pk).update(due=past())
    ends = timezone.now() + timedelta(hours=1)

    def take(jobs):
        found = kinds.one_of_each(jobs)
        Job.objects.filter(pk__in=found).update(lease=uuid4(), due=ends)
        return found

    monkeypatch.setattr(sweeper, "one_of_each", take)

    sweeper.sweep()

    assert (rung, now([part])[0].due) == ([], ends)
