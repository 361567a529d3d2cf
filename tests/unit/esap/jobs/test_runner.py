"""The worker carries a job out once, and says how it ended."""

import logging
import sys
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.utils import timezone

from esap.backends.deadline import current_scope
from esap.errors import BackendTimedOut, BackendUnavailable, LoginAgain, NotConnected, WrongPhase
from esap.jobs import leases, moves, runner
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job, Phase
from tests.support.waiting import wait_for
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return Job.objects.create(kind="test.work", phase=Phase.QUEUED)


def doing(monkeypatch, run, **options):
    known = {"test.work": JobKind("test.work", run, **options)}
    monkeypatch.setattr("esap.jobs.kinds._kinds", lambda paths: known)


def carried_out(job):
    runner.carry_out(job.pk)
    job.refresh_from_db()
    return job


def test_a_job_is_completed_with_its_results(job):
    assert carried_out(job).phase == "COMPLETED"
    assert [result["name"] for result in job.results] == ["stars"]


def test_a_second_delivery_does_nothing(job):
    carried_out(job)
    events = job.events.count()

    carried_out(job)

    assert kinds.calls == [str(job.pk)]
    assert job.events.count() == events


@pytest.mark.parametrize("phase", [Phase.EXECUTING, Phase.ABORTED, Phase.SUSPENDED])
def test_a_job_that_is_not_queued_is_left_alone(phase):
    job = Job.objects.create(kind="test.work", phase=phase)

    assert carried_out(job).phase == phase
    assert kinds.calls == []


def test_a_message_for_a_job_that_is_gone_does_nothing():
    runner.carry_out(uuid4())

    assert kinds.calls == []


def test_a_job_that_makes_nothing_is_completed(job, monkeypatch):
    doing(monkeypatch, lambda job: None)

    assert carried_out(job).phase == "COMPLETED"
    assert job.results == []


def test_a_refused_job_fails_with_the_reason(job, monkeypatch):
    def refuse(job):
        raise BackendUnavailable("Slurm is down for maintenance.", peer="slurm")

    doing(monkeypatch, refuse)

    assert carried_out(job).phase == "ERROR"
    assert (job.problem["slug"], job.problem["peer"]) == ("backend-unavailable", "slurm")


def test_a_bug_ends_the_job_and_its_traceback_is_in_the_log_only(job, monkeypatch, caplog):
    def stumble(job):
        raise ZeroDivisionError("secret of the code")

    doing(monkeypatch, stumble)

    with caplog.at_level(logging.ERROR):
        carried_out(job)

    assert job.phase == "ERROR"
    assert job.problem["slug"] == "internal"
    assert "secret" not in str(job.problem)
    assert "ZeroDivisionError" in str(caplog.records[0].msg | {"exc": caplog.records[0].exc_info})


def test_a_job_of_a_kind_that_no_room_has_any_more_fails(settings):
    job = Job.objects.create(kind="old.kind", phase=Phase.QUEUED)

    assert carried_out(job).problem["slug"] == "invalid-request"


def test_a_job_that_takes_longer_than_its_kind_allows_fails(job, monkeypatch):
    def dawdle(job):
        while True:
            current_scope().check()
            time.sleep(0.01)

    doing(monkeypatch, dawdle, timeout=0.1)

    assert carried_out(job).problem["slug"] == "backend-timed-out"


def test_a_job_aborted_while_it_runs_stays_aborted_without_results(job, monkeypatch):
    def aborted_meanwhile(job):
        moves.abort(job)
        return [kinds.TABLE]

    doing(monkeypatch, aborted_meanwhile)

    assert carried_out(job).phase == "ABORTED"
    assert (job.results, job.problem) == ([], None)


def test_a_writer_learns_of_the_abort_by_writing(job, monkeypatch):
    seen = []

    def write(job):
        moves.abort(job)
        try:
            moves.record_event(job, "rows", [])
        except WrongPhase as refusal:
            seen.append(refusal)
            raise

    doing(monkeypatch, write)

    assert carried_out(job).phase == "ABORTED"
    assert len(seen) == 1


@pytest.mark.django_db(transaction=True)
def test_an_abort_cancels_the_outbound_work_of_the_job(job, monkeypatch):
    monkeypatch.setattr(leases, "ASK_SECONDS", 0.05)

    told = []

    def wait(job):
        moves.abort(job)
        told.append(wait_for(lambda: current_scope().cancelled))
        current_scope().check()
        return []

    doing(monkeypatch, wait)

    assert carried_out(job).phase == "ABORTED"
    assert told == [True]


def test_work_that_gave_up_while_still_wanted_has_failed(job, monkeypatch):
    def give_up(job):
        current_scope().cancel()
        current_scope().check()

    doing(monkeypatch, give_up)

    assert carried_out(job).problem["slug"] == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_work_that_takes_longer_than_its_user_allows_is_aborted_and_says_so(job, monkeypatch):
    def dawdle(job):
        while True:
            current_scope().check()
            time.sleep(0.01)

    doing(monkeypatch, dawdle)
    Job.objects.update(execution_duration=1)

    assert carried_out(job).phase == "ABORTED"
    assert job.problem["slug"] == "backend-timed-out"


def test_a_peer_too_slow_for_one_question_does_not_abort_the_job(job, monkeypatch):
    def ask(job):
        raise BackendTimedOut("VizieR took too long.")

    doing(monkeypatch, ask, repeatable=True)
    Job.objects.update(execution_duration=60)

    assert carried_out(job).phase == "ERROR"
    assert job.problem["detail"] == "VizieR took too long."


def test_repeatable_work_waits_for_a_peer_that_is_away_as_often_as_it_takes(job, monkeypatch):
    def ask(job):
        raise BackendUnavailable("Rucio is down.")

    doing(monkeypatch, ask, repeatable=True, max_attempts=2)
    for _ in range(4):
        carried_out(job)

    assert (job.phase, job.waits_for, job.attempt) == ("QUEUED", "Rucio is down.", 0)
    assert job.due > timezone.now() + timedelta(seconds=5)


def test_repeatable_work_that_needs_its_user_is_held(job, monkeypatch):
    def ask(job):
        raise LoginAgain("Log in again.")

    doing(monkeypatch, ask, repeatable=True)

    assert carried_out(job).phase == "HELD"
    assert (job.waits_for, job.lease) == ("Log in again.", None)


def test_to_be_held_is_none_of_the_attempts_that_a_kind_allows(job, monkeypatch):
    def ask(job):
        raise NotConnected("Connect to Rucio.")

    doing(monkeypatch, ask, repeatable=True, max_attempts=2)
    for _ in range(4):
        carried_out(job)

    assert (job.phase, job.waits_for, job.attempt) == ("HELD", "Connect to Rucio.", 0)


def test_work_that_was_held_is_done_when_it_is_tried_again(job, monkeypatch):
    moves.hold(job, "Log in again.", timezone.now())

    assert carried_out(job).phase == "COMPLETED"
    assert job.waits_for == ""


def test_work_during_which_the_database_went_away_is_done_again_if_it_may_be(job, monkeypatch):
    def ask(job):
        raise OperationalError("the connection is lost")

    doing(monkeypatch, ask, repeatable=True)
    assert carried_out(job).phase == "QUEUED"
    assert job.due <= timezone.now()

    doing(monkeypatch, ask)
    assert carried_out(job).phase == "ERROR"
    assert job.problem["slug"] == "not-ready"


def test_a_worker_told_to_end_gives_its_job_back_and_that_is_no_attempt(job, monkeypatch):
    def be_told(job):
        sys.exit(0)

    doing(monkeypatch, be_told, repeatable=True, max_attempts=1)
    with pytest.raises(SystemExit):
        runner.carry_out(job.pk)

    job.refresh_from_db()
    assert (job.phase, job.lease, job.attempt) == ("QUEUED", None, 0)
    assert job.due <= timezone.now()


def test_a_worker_told_to_end_fails_a_job_that_may_not_be_repeated(job, monkeypatch):
    def be_told(job):
        sys.exit(0)

    doing(monkeypatch, be_told)
    with pytest.raises(SystemExit):
        runner.carry_out(job.pk)

    job.refresh_from_db()
    assert (job.phase, job.problem["slug"]) == ("ERROR", "work-lost")


def test_listeners_are_told_when_work_begins_anew(job):
    first = moves.claim(job.pk)
    moves.give_back(first, "The worker died.")
    moves.claim(job.pk)

    assert list(job.events.values_list("name", "data")) == [
        ("phase", {"phase": "EXECUTING"}),
        ("message", {"sentence": "The worker died."}),
        ("phase", {"phase": "QUEUED"}),
        ("phase", {"phase": "EXECUTING", "again": True}),
    ]


def test_new_work_begins_without_the_progress_of_the_attempt_before(job):
    first = moves.claim(job.pk)
    moves.progress(first, 0.5, "half")
    moves.give_back(first, "The worker died.")

    again = moves.claim(job.pk)

    assert (again.progress_fraction, again.progress_sentence) == (None, "")


def test_a_sentence_too_long_for_its_column_is_cut(job):
    claimed = moves.claim(job.pk)

    moves.progress(claimed, 0.5, "x" * 300)
    moves.give_back(claimed, "y" * 300, at=timezone.now())

    job.refresh_from_db()
    assert job.progress_sentence == "x" * 252 + "..."
    assert job.waits_for == "y" * 252 + "..."
