"""A job is handed over to its peer once, whatever dies in the middle of it."""

import sys
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from esap.errors import (
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    LoginAgain,
    NotConnected,
    UnreadableAnswer,
)
from esap.jobs import moves, runner, services
from esap.jobs.models import Job, Watch
from tests.unit.esap.jobs.kinds import KINDS, cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return services.submit("test.remote", {}, peer="slurm")


def handed_over(job):
    runner.carry_out(job.pk)
    job.refresh_from_db()
    return job


def told(job):
    return list(job.events.values_list("name", "data"))


def test_a_job_for_a_peer_has_to_name_it():
    with pytest.raises(services.InvalidRequest, match="peer"):
        services.submit("test.remote", {})

    assert not Job.objects.exists()


def test_a_job_handed_over_has_the_peers_id_and_stays_queued_until_the_peer_says_otherwise(job):
    assert handed_over(job).phase == "QUEUED"
    assert (job.remote_id, job.lease, job.due) == ("r1", None, None)
    assert cluster.marks == {"r1": str(job.pk)}
    assert told(job) == [("phase", {"phase": "QUEUED"})]


def test_its_peer_is_looked_at_soon(job):
    handed_over(job)

    watch = Watch.objects.get(follower="cluster", peer="slurm")
    assert watch.due - timezone.now() < timedelta(seconds=2)


def test_a_message_delivered_twice_submits_once(job):
    handed_over(job)
    handed_over(job)

    assert len(cluster.marks) == 1


def test_before_the_peer_is_called_the_row_says_so(job, monkeypatch):
    seen = []

    def submit(job):
        row = Job.objects.get(pk=job.pk)
        seen.append((row.submitting is not None, row.lease is not None, row.remote_id))
        return "r1"

    with_submit(monkeypatch, submit)
    handed_over(job)

    assert seen == [(True, True, "")]


def test_a_job_whose_worker_died_after_the_peer_took_it_is_found_by_its_mark(job):
    died_while_submitting(job)
    cluster.take(job.mark)

    assert handed_over(job).remote_id == "r1"
    assert len(cluster.marks) == 1


def test_a_job_whose_worker_died_before_the_peer_took_it_is_submitted(job):
    died_while_submitting(job)

    assert handed_over(job).remote_id == "r1"
    assert cluster.marks == {"r1": str(job.pk)}


def test_a_peer_that_is_away_lets_the_job_wait_and_say_so(job):
    cluster.submitting = BackendUnavailable("Slurm is down for maintenance.", peer="slurm")

    assert handed_over(job).phase == "QUEUED"
    assert job.waits_for == "Slurm is down for maintenance."
    assert (job.lease, job.problem) == (None, None)
    assert job.due > timezone.now() + timedelta(seconds=5)
    assert told(job)[-1] == ("message", {"sentence": "Slurm is down for maintenance."})


def test_a_reason_to_wait_is_told_once(job):
    cluster.submitting = BackendUnavailable("Slurm is down.")
    handed_over(job)
    events = job.events.count()

    handed_over(job)

    assert job.events.count() == events


def test_a_peer_that_is_back_gets_the_job_and_it_waits_no_more(job):
    cluster.submitting = BackendUnavailable("Slurm is down.")
    handed_over(job)
    cluster.submitting = None

    assert handed_over(job).remote_id == "r1"
    assert job.waits_for == ""


def test_after_a_call_whose_end_was_not_heard_the_peer_has_time_to_show_the_job(job):
    cluster.submitting = BackendTimedOut("Slurm took too long.")

    handed_over(job)

    assert job.phase == "QUEUED"
    assert job.due > timezone.now() + timedelta(seconds=50)


@pytest.mark.parametrize("error", [LoginAgain("Log in."), NotConnected("Connect to Slurm.")])
def test_a_job_that_needs_its_user_is_held_with_the_sentence(job, error):
    cluster.submitting = error

    assert handed_over(job).phase == "HELD"
    assert (job.waits_for, job.problem) == (error.detail, None)


def test_a_held_job_that_still_needs_its_user_stays_held_quietly(job):
    cluster.submitting = LoginAgain("Log in.")
    handed_over(job)
    events = job.events.count()

    assert handed_over(job).phase == "HELD"
    assert job.events.count() == events


def test_a_held_job_goes_on_after_the_login(job):
    cluster.submitting = LoginAgain("Log in.")
    handed_over(job)
    cluster.submitting = None

    assert handed_over(job).phase == "QUEUED"
    assert (job.remote_id, job.waits_for) == ("r1", "")
    assert [data["phase"] for name, data in told(job) if name == "phase"] == [
        "QUEUED",
        "HELD",
        "QUEUED",
    ]


def test_a_refused_submission_fails_with_the_reason_and_nothing_is_to_be_stopped(job):
    cluster.submitting = BackendRefused("You have no account.", peer="slurm")

    assert handed_over(job).phase == "ERROR"
    assert (job.problem["slug"], job.due) == ("backend-refused", None)


@pytest.mark.parametrize("error", [UnreadableAnswer("The answer broke off."), ZeroDivisionError()])
def test_a_submission_in_doubt_fails_and_what_the_peer_took_is_to_be_stopped(
    job, error, monkeypatch
):
    def submit(job):
        cluster.take(job.mark)
        raise error

    with_submit(monkeypatch, submit)

    assert handed_over(job).phase == "ERROR"
    assert job.due is not None


def test_a_submission_during_which_our_database_went_away_is_taken_up_later(job, monkeypatch):
    def submit(job):
        raise OperationalError("the connection is lost")

    with_submit(monkeypatch, submit)

    assert handed_over(job).phase == "QUEUED"
    assert job.waits_for == "The gateway's database was away while this was handed over."
    assert (job.lease, job.problem) == (None, None)


def test_a_worker_told_to_end_leaves_its_submission_to_the_next(job, monkeypatch):
    def submit(job):
        cluster.take(job.mark)
        sys.exit(0)

    with_submit(monkeypatch, submit)
    with pytest.raises(SystemExit):
        runner.carry_out(job.pk)
    job.refresh_from_db()
    assert (job.phase, job.lease, job.remote_id) == ("QUEUED", None, "")
    assert job.due > timezone.now() + timedelta(seconds=50)

    assert handed_over(job).remote_id == "r1"
    assert len(cluster.marks) == 1


def test_the_peers_id_is_kept_only_together_with_the_next_look_at_the_peer(job, monkeypatch):
    def stumble(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("esap.jobs.handover.look_soon", stumble)
    with pytest.raises(ZeroDivisionError):
        runner.carry_out(job.pk)

    job.refresh_from_db()
    assert job.remote_id == ""


def test_a_job_aborted_while_it_is_submitted_is_to_be_stopped_at_the_peer(job, monkeypatch):
    def submit(job):
        services.abort(job)
        return cluster.take(job.mark)

    with_submit(monkeypatch, submit)

    assert handed_over(job).phase == "ABORTED"
    assert job.remote_id == "r1"
    assert job.due <= timezone.now()


def with_submit(monkeypatch, submit):
    kind = KINDS["test.remote"]
    known = {kind.name: type(kind)(kind.name, submit=submit, follower=cluster)}
    monkeypatch.setattr("esap.jobs.kinds._kinds", lambda paths: known)


def died_while_submitting(job):
    """Leave the job as the sweeper leaves one whose worker was killed while submitting."""
    Job.objects.filter(pk=job.pk).update(submitting=timezone.now(), attempt=1)
    moves.postpone(job, "", timezone.now())
