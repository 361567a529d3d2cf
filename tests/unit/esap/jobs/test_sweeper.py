"""The sweeper finds what nobody looked at in time, and does nothing twice."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from esap.errors import NotFound, WrongPhase
from esap.jobs import doorbell, moves, runner, services, sweeper
from esap.jobs.idempotency import same_request
from esap.jobs.models import Event, IdempotencyKey, Job, Phase, Watch
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db


def past():
    return timezone.now() - timedelta(seconds=1)


def executing(kind="test.again"):
    job = moves.claim(services.submit(kind, {}).pk)
    Job.objects.filter(pk=job.pk).update(due=past())
    return job


def swept(*jobs):
    told = sweeper.sweep().told()
    for job in jobs:
        job.refresh_from_db()
    return told


def died(job):
    """Sweep as often as it takes to give a silent worker up."""
    swept()
    Job.objects.filter(pk=job.pk).update(due=past())
    return swept(job)


def test_where_all_is_well_nothing_is_done(rung):
    services.submit("test.work", {})
    moves.claim(services.submit("test.again", {}).pk)

    assert swept() == {}
    assert rung == []


@pytest.mark.usefixtures("rung")
def test_a_worker_that_is_silent_is_waited_for_once_more():
    job = executing()

    assert swept(job) == {"silent": 1}
    assert (job.phase, job.silent) == ("EXECUTING", True)
    assert job.due > timezone.now()


@pytest.mark.usefixtures("rung")
def test_a_job_that_may_be_repeated_is_queued_again_when_its_worker_died():
    job = executing("test.again")

    assert died(job) == {"begun_again": 1, "rung": 1}
    assert (job.phase, job.lease, job.silent, job.attempt) == ("QUEUED", None, False, 1)
    assert list(job.events.values_list("name", "data"))[-2:] == [
        (
            "message",
            {"sentence": "The worker that carried out this job died in the middle of it."},
        ),
        ("phase", {"phase": "QUEUED"}),
    ]


@pytest.mark.usefixtures("rung")
def test_a_job_that_may_not_be_repeated_fails_and_says_why():
    job = executing("test.work")

    assert died(job) == {"lost": 1}
    assert (job.phase, job.problem["slug"]) == ("ERROR", "work-lost")
    assert "died" in job.problem["detail"]


@pytest.mark.usefixtures("rung")
def test_a_job_whose_workers_keep_dying_fails_after_the_attempts_it_has():
    job = executing("test.again")
    for _ in range(2):
        died(job)
        moves.claim(job.pk)
        Job.objects.filter(pk=job.pk).update(due=past())

    died(job)

    assert (job.phase, job.problem["slug"], job.attempt) == ("ERROR", "work-lost", 3)


@pytest.mark.usefixtures("rung")
def test_work_begun_in_a_request_that_died_is_not_begun_again():
    job = services.begin("test.again", {})
    Job.objects.filter(pk=job.pk).update(due=past())

    died(job)

    assert (job.phase, job.problem["slug"]) == ("ERROR", "work-lost")


@pytest.mark.usefixtures("rung")
def test_a_worker_given_up_that_lives_is_refused_at_its_next_write():
    job = executing("test.again")
    died(Job.objects.get(pk=job.pk))

    for write in (
        lambda: moves.progress(job, 0.5),
        lambda: moves.record_event(job, "rows", []),
        lambda: moves.note_remote(job, peer="x", remote_id="1"),
        lambda: moves.complete(job, [kinds.TABLE]),
        lambda: moves.fail(job, NotFound("late")),
    ):
        with pytest.raises(WrongPhase):
            write()

    assert not moves.is_wanted(job)
    job.refresh_from_db()
    assert (job.phase, job.results, job.progress_fraction) == ("QUEUED", [], None)


@pytest.mark.usefixtures("rung")
def test_a_worker_given_up_is_refused_also_when_another_has_taken_the_job():
    job = executing("test.again")
    died(Job.objects.get(pk=job.pk))
    other = moves.claim(job.pk)

    with pytest.raises(WrongPhase, match="in other hands"):
        moves.complete(job)

    assert moves.complete(other).phase == "COMPLETED"


def test_a_queued_job_that_nobody_took_is_rung_for_again_but_not_at_once(rung):
    job = services.submit("test.work", {})
    Job.objects.update(due=past())

    assert swept() == {"rung": 1}
    assert rung == [job.pk]
    assert swept() == {}


def test_in_a_long_queue_nobody_is_rung_for_who_has_a_message_there(rung, monkeypatch):
    jobs = [services.submit("test.work", {}) for _ in range(5)]
    Job.objects.update(due=past())
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 3)

    swept()

    assert len(rung) == 2
    assert set(rung) <= {job.pk for job in jobs}


def test_what_has_no_message_is_rung_for_however_long_the_queue(rung, monkeypatch):
    for _ in range(3):
        services.submit("test.work", {})
    begun = moves.give_back(moves.claim(services.submit("test.again", {}).pk), "The worker died.")
    waits = services.submit("test.work", {})
    moves.postpone(waits, "A peer is away.", past())
    Job.objects.update(due=past())
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 100)

    swept()

    assert set(rung) == {begun.pk, waits.pk}


def test_while_the_broker_is_away_jobs_stay_due(rung, monkeypatch):
    services.submit("test.work", {})
    Job.objects.update(due=past())
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: None)
    assert swept() == {}

    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 0)
    assert swept() == {"rung": 1}


def test_a_held_job_is_tried_again_when_it_is_due_and_after_its_users_login(rung, ada):
    job = services.submit("test.remote", {}, ada, peer="slurm")
    moves.hold(job, "Log in.", timezone.now() + timedelta(minutes=15))
    assert swept() == {}

    assert services.resume(ada) == 1

    assert swept() == {"rung": 1}
    assert rung == [job.pk]


def test_a_login_wakes_only_ones_own_jobs_at_that_peer(rung, ada, bob):
    for owner, peer in ((ada, "slurm"), (ada, "dirac"), (bob, "slurm")):
        job = services.submit("test.remote", {}, owner, peer=peer)
        moves.hold(job, "Log in.", timezone.now() + timedelta(minutes=15))

    assert services.resume(ada, "dirac") == 1
    assert services.resume(None) == 0

    swept()
    assert [Job.objects.get(pk=pk).peer for pk in rung] == ["dirac"]


def test_a_job_whose_submission_died_is_rung_for(rung):
    job = services.submit("test.remote", {}, peer="slurm")
    long_ago = timezone.now() - timedelta(minutes=2)
    Job.objects.update(lease=job.pk, due=past(), submitting=long_ago, attempt=1)

    assert died(job) == {"begun_again": 1, "rung": 1}
    assert (job.phase, job.lease) == ("QUEUED", None)
    assert rung == [job.pk]


def test_a_submission_that_died_just_now_is_taken_up_when_the_peer_has_settled(rung):
    job = services.submit("test.remote", {}, peer="slurm")
    Job.objects.update(lease=job.pk, due=past(), submitting=timezone.now(), attempt=1)

    assert died(job) == {"begun_again": 1}
    assert (job.lease, rung) == (None, [])
    assert job.due > timezone.now() + timedelta(seconds=50)


def test_jobs_that_are_to_be_stopped_at_their_peer_have_it_looked_at(rung):
    job = services.submit("test.remote", {}, peer="slurm")
    Job.objects.update(submitting=timezone.now())
    moves.abort(job)

    assert swept() == {"to_stop": 1}
    assert Watch.objects.get().due <= timezone.now()


def test_a_job_of_a_kind_that_is_gone_stops_being_due(rung, settings):
    job = services.submit("test.remote", {}, peer="slurm")
    Job.objects.update(submitting=timezone.now())
    moves.abort(job)
    settings.JOB_KINDS = []

    swept(job)

    assert job.due is None


def test_one_pass_looks_at_no_more_jobs_than_it_may(rung, monkeypatch):
    monkeypatch.setattr(sweeper, "MOST_JOBS", 3)
    for _ in range(5):
        services.submit("test.work", {})
    Job.objects.update(due=past())

    assert swept() == {"rung": 3}
    assert swept() == {"rung": 2}
    assert len(set(rung)) == 5


def test_keys_are_forgotten_after_a_day(rung):
    mark = same_request("k", caller="user 1", asked={})
    services.submit("test.work", {}, mark=mark)
    IdempotencyKey.objects.update(created=timezone.now() - timedelta(hours=25))
    services.submit("test.work", {}, mark=same_request("l", caller="user 1", asked={}))

    swept()

    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["l"]


def test_the_command_makes_one_pass_and_says_what_it_did(rung, capsys):
    services.submit("test.work", {})
    Job.objects.update(due=past())

    call_command("sweep")
    assert capsys.readouterr().out == "1 job that nobody had taken: the workers were told again.\n"

    call_command("sweep")
    assert capsys.readouterr().out == "Nothing was due.\n"


def test_the_command_asks_the_peers_whose_turn_has_come(rung, capsys):
    runner.carry_out(services.submit("test.remote", {}, peer="slurm").pk)
    Watch.objects.update(due=past())

    call_command("sweep")

    assert capsys.readouterr().out == "1 peer asked how the jobs there stand.\n"
    assert kinds.cluster.asked == [["r1"]]


def test_the_command_says_when_the_broker_is_away(rung, capsys, monkeypatch):
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: None)

    call_command("sweep")

    assert "The broker does not answer" in capsys.readouterr().out


def test_a_broker_that_is_away_is_found_out_soon():
    began = timezone.now()

    assert doorbell.waiting_messages() is None

    assert timezone.now() - began < timedelta(seconds=5)


@pytest.mark.usefixtures("rung")
def test_a_job_that_only_gathers_is_nothing_to_carry_out():
    job = services.submit_parts("test.parts", {}, [services.Part(kind="test.work", parameters={})])

    runner.carry_out(job.pk)

    job.refresh_from_db()
    assert job.phase == Phase.QUEUED
    assert Event.objects.filter(job=job, name="phase").count() == 1
