"""The worker carries a job out once, and says how it ended."""

import logging
import time
from uuid import uuid4

import pytest

from esap.backends.deadline import current_scope
from esap.errors import BackendUnavailable, WrongPhase
from esap.jobs import leases, moves, runner
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job, Phase
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

    def wait(job):
        moves.abort(job)
        for _ in range(500):
            current_scope().check()
            time.sleep(0.01)
        return []

    doing(monkeypatch, wait)

    began = time.monotonic()
    assert carried_out(job).phase == "ABORTED"
    assert time.monotonic() - began < 2


def test_work_that_gave_up_while_still_wanted_has_failed(job, monkeypatch):
    def give_up(job):
        current_scope().cancel()
        current_scope().check()

    doing(monkeypatch, give_up)

    assert carried_out(job).problem["slug"] == "cancelled"
