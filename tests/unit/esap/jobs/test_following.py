"""Jobs at a peer are followed by one question a turn, and stopped there when nobody wants them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from esap.errors import (
    BackendRefused,
    BackendUnavailable,
    LoginAgain,
    QueryRejected,
    UnreadableAnswer,
)
from esap.jobs import following, runner, services, watches
from esap.jobs.models import Job, Phase, Watch
from esap.jobs.remote import State
from tests.unit.esap.jobs.kinds import TABLE, cluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return at_peer()


def at_peer(owner=None, **options):
    job = services.submit("test.remote", {}, owner, peer="slurm", **options)
    runner.carry_out(job.pk)
    job.refresh_from_db()
    return job


def stands(job, phase, **members):
    cluster.states[job.remote_id] = State(phase=phase, **members)


def looked_after(*jobs):
    """Take a turn at the peer, as if it were time; return the first job as it then is."""
    Watch.objects.update(due=timezone.now())
    following.look_after("cluster", "slurm")
    for job in jobs:
        job.refresh_from_db()
    return jobs[0] if jobs else None


def pause():
    return Watch.objects.get(peer="slurm").pause


def told(job):
    return list(job.events.values_list("name", "data"))


def test_many_jobs_are_asked_after_in_one_question():
    jobs = [at_peer() for _ in range(5)]

    looked_after()

    assert cluster.asked == [[job.remote_id for job in jobs]]


def test_more_jobs_than_a_peer_takes_at_once_are_asked_after_in_portions(monkeypatch):
    monkeypatch.setattr(type(cluster), "most", 2)
    jobs = [at_peer() for _ in range(5)]

    looked_after()

    first, second, third, fourth, fifth = (job.remote_id for job in jobs)
    assert cluster.asked == [[first, second], [third, fourth], [fifth]]


def test_nobody_looks_before_it_is_time(job):
    following.look_after("cluster", "slurm")

    assert cluster.asked == []


def test_a_job_that_ended_is_asked_after_no_more(job):
    stands(job, Phase.COMPLETED)
    looked_after()

    looked_after()

    assert len(cluster.asked) == 1
    assert Watch.objects.get().due is None


def test_a_job_runs_when_its_peer_says_so(job):
    began = datetime(2026, 1, 1, 12, tzinfo=UTC)
    stands(job, Phase.EXECUTING, started=began, fraction=0.5, sentence="step 1 of 2")

    assert looked_after(job).phase == "EXECUTING"
    assert (job.started, job.progress_fraction) == (began, 0.5)
    assert told(job)[-2:] == [
        ("progress", {"fraction": 0.5, "sentence": "step 1 of 2"}),
        ("phase", {"phase": "EXECUTING"}),
    ]


def test_a_job_that_completed_has_its_results(job):
    stands(job, Phase.COMPLETED, results=[TABLE])

    assert looked_after(job).phase == "COMPLETED"
    assert [result["name"] for result in job.results] == ["stars"]
    assert job.ended is not None
    assert [name for name, _ in told(job)][-2:] == ["result", "phase"]


def test_a_job_that_failed_has_the_peers_reason(job):
    stands(job, Phase.ERROR, problem=QueryRejected("No such queue.", peer="slurm"))

    assert looked_after(job).phase == "ERROR"
    assert job.problem["slug"] == "query-rejected"


def test_a_job_that_failed_without_a_reason_says_just_that(job):
    stands(job, Phase.ERROR)

    assert looked_after(job).problem["slug"] == "backend-failed"


def test_what_has_not_changed_is_not_told_again(job):
    stands(job, Phase.EXECUTING, fraction=0.5, sentence="half", waits_for="a node")
    looked_after(job)
    events = job.events.count()

    looked_after(job)

    assert job.events.count() == events


def test_looks_quicken_after_a_change_and_slow_down_while_nothing_happens(job):
    stands(job, Phase.EXECUTING)
    looked_after()
    pauses = [pause()]
    for _ in range(12):
        looked_after()
        pauses.append(pause())
    stands(job, Phase.SUSPENDED)
    looked_after()

    assert pauses[:4] == [2.0, 3.0, 4.5, 6.75]
    assert pauses[-1] == 60.0
    assert pause() == 2.0


def test_a_look_does_not_come_long_after_an_expected_end(job):
    stands(job, Phase.EXECUTING, expected=timezone.now() + timedelta(seconds=20))
    looked_after()
    Watch.objects.update(pause=60)

    looked_after(job)

    due = (Watch.objects.get().due - timezone.now()).total_seconds()
    assert 15 < due <= 20
    assert job.quote is not None


def test_a_job_that_comes_during_a_turn_is_looked_at_soon(job, monkeypatch):
    def follow(peer, jobs):
        at_peer()
        return {job.remote_id: State(phase=Phase.QUEUED)}

    Watch.objects.update(pause=60)
    monkeypatch.setattr(cluster, "follow", follow)

    looked_after()

    assert (Watch.objects.get().due - timezone.now()).total_seconds() < 3


def test_jobs_whose_peer_is_away_stay_in_their_phases_and_say_so(job):
    stands(job, Phase.EXECUTING)
    looked_after(job)
    other = at_peer()
    cluster.asking = BackendUnavailable("Slurm does not answer.")

    looked_after(job, other)

    assert (job.phase, other.phase) == ("EXECUTING", "QUEUED")
    since = Watch.objects.get().away_since
    assert job.waits_for == other.waits_for
    assert (
        job.waits_for == f"slurm is away since {since:%Y-%m-%d %H:%M} UTC. Slurm does not answer."
    )
    assert told(job)[-1] == ("message", {"sentence": job.waits_for})


def test_a_peer_that_stays_away_is_asked_less_and_less_and_its_jobs_told_once(job):
    cluster.asking = BackendUnavailable("Slurm does not answer.")
    looked_after(job)
    first, events = pause(), job.events.count()
    Watch.objects.update(away_since=timezone.now() - timedelta(minutes=2))
    looked_after()
    second = pause()
    Watch.objects.update(away_since=timezone.now() - timedelta(hours=2))
    looked_after()

    assert first == 5.0
    assert 115 < second < 125
    assert pause() == 300.0
    assert job.events.count() <= events + 2  # `since` was moved by the test


def test_a_peer_that_is_back_lets_its_jobs_go_on_at_once(job):
    cluster.asking = BackendUnavailable("Slurm does not answer.")
    looked_after()
    cluster.asking = None
    stands(job, Phase.EXECUTING)

    assert looked_after(job).phase == "EXECUTING"
    assert job.waits_for == ""
    assert Watch.objects.get().away_since is None
    assert pause() == 2.0


def test_one_job_that_needs_its_user_is_held_and_the_others_go_on(job):
    other = at_peer()
    cluster.states[job.remote_id] = LoginAgain("Log in at Slurm again.")
    stands(other, Phase.EXECUTING)

    looked_after(job, other)

    assert (job.phase, job.waits_for) == ("HELD", "Log in at Slurm again.")
    assert other.phase == "EXECUTING"


def test_a_held_job_at_a_peer_goes_on_when_its_user_has_logged_in(job):
    cluster.states[job.remote_id] = LoginAgain("Log in at Slurm again.")
    looked_after(job)
    stands(job, Phase.EXECUTING)

    assert looked_after(job).phase == "EXECUTING"
    assert job.waits_for == ""


def test_a_question_that_needs_one_user_is_asked_for_the_others_without_theirs(
    ada, bob, monkeypatch
):
    adas, bobs = at_peer(ada), at_peer(bob)
    stands(bobs, Phase.EXECUTING)
    ask = cluster.follow

    def follow(peer, jobs):
        if adas.pk in {job.pk for job in jobs}:
            raise LoginAgain("Log in at Slurm again.")
        return ask(peer, jobs)

    monkeypatch.setattr(cluster, "follow", follow)
    looked_after(adas, bobs)

    assert (adas.phase, adas.waits_for) == ("HELD", "Log in at Slurm again.")
    assert bobs.phase == "EXECUTING"
    assert Watch.objects.get().away_since is None


def test_a_login_has_the_peers_of_held_jobs_looked_at_now(ada):
    job = at_peer(ada)
    cluster.states[job.remote_id] = LoginAgain("Log in at Slurm again.")
    looked_after(job)
    assert Watch.objects.get().due > timezone.now()
    stands(job, Phase.EXECUTING)

    assert services.resume(ada) == 1

    following.look_after("cluster", "slurm")
    job.refresh_from_db()
    assert (job.phase, job.waits_for, job.due) == ("EXECUTING", "", None)


def test_what_a_peer_cannot_tell_of_one_job_is_a_reason_to_wait(job):
    cluster.states[job.remote_id] = UnreadableAnswer("The state makes no sense.")

    assert looked_after(job).phase == "QUEUED"
    assert job.waits_for == "The state makes no sense."


def test_a_new_job_that_the_peer_does_not_show_yet_is_waited_for(job):
    del cluster.states[job.remote_id]

    assert looked_after(job).phase == "QUEUED"


def test_a_job_that_the_peer_forgot_is_unknown_and_fails_when_that_lasts(job):
    Job.objects.update(submitting=timezone.now() - timedelta(minutes=5))
    state = cluster.states.pop(job.remote_id)

    assert looked_after(job).phase == "UNKNOWN"
    assert job.waits_for == "slurm does not know this job just now."
    assert looked_after(job).phase == "UNKNOWN"

    cluster.states[job.remote_id] = state
    assert looked_after(job).phase == "QUEUED"
    assert job.due is None

    del cluster.states[job.remote_id]
    looked_after()
    Job.objects.update(due=timezone.now())
    assert looked_after(job).phase == "ERROR"
    assert job.problem["slug"] == "backend-failed"


def test_an_aborted_job_is_stopped_at_its_peer(job):
    services.abort(job)

    assert looked_after(job).phase == "ABORTED"
    assert cluster.stopped == ["r1"]
    assert job.due is None


def test_a_job_stopped_already_is_not_stopped_again(job):
    services.abort(job)
    looked_after()

    looked_after()

    assert cluster.stopped == ["r1"]


def test_a_job_aborted_when_its_worker_died_submitting_it_is_found_and_stopped():
    job = services.submit("test.remote", {}, peer="slurm")
    Job.objects.update(submitting=timezone.now())
    cluster.take(job.mark)
    services.abort(job)

    looked_after(job)

    assert cluster.stopped == ["r1"]


def test_an_aborted_job_that_may_still_arrive_at_the_peer_is_looked_for_once_more():
    job = services.submit("test.remote", {}, peer="slurm")
    Job.objects.update(submitting=timezone.now())
    services.abort(job)

    looked_after(job)
    assert job.due > timezone.now() + timedelta(seconds=100)

    Job.objects.update(due=timezone.now(), submitting=timezone.now() - timedelta(minutes=5))
    assert looked_after(job).due is None


def test_what_cannot_be_stopped_now_is_tried_again(job):
    cluster.stopping["r1"] = BackendUnavailable("Slurm is away.")
    services.abort(job)

    looked_after(job)
    assert job.due > timezone.now()

    cluster.stopping.clear()
    Job.objects.update(due=timezone.now())
    looked_after(job)
    assert cluster.stopped == ["r1"]


def test_one_job_that_cannot_be_stopped_does_not_keep_the_others_running(job):
    other = at_peer()
    cluster.stopping["r1"] = BackendRefused("Your login has ended.")
    services.abort(job)
    services.abort(other)

    looked_after(job, other)

    assert cluster.stopped == ["r2"]
    assert (job.due is not None, other.due) == (True, None)


def test_after_a_day_nobody_tries_to_stop_a_job_any_more(job):
    cluster.stopping["r1"] = BackendRefused("Your login has ended.")
    services.abort(job)
    Job.objects.update(ended=timezone.now() - timedelta(days=2))

    assert looked_after(job).due is None


def test_a_job_that_runs_longer_than_it_may_is_aborted_and_stopped():
    job = at_peer(execution_duration=60)
    stands(job, Phase.EXECUTING, started=timezone.now() - timedelta(seconds=61))
    looked_after(job)
    assert job.phase == "EXECUTING"

    looked_after(job)
    assert (job.phase, job.problem["slug"]) == ("ABORTED", "backend-timed-out")

    looked_after()
    assert cluster.stopped == ["r1"]


def test_a_job_that_ended_just_in_time_is_not_aborted():
    job = at_peer(execution_duration=60)
    stands(job, Phase.EXECUTING, started=timezone.now() - timedelta(seconds=61))
    looked_after()
    stands(job, Phase.COMPLETED)

    assert looked_after(job).phase == "COMPLETED"


def test_a_late_answer_about_the_round_before_a_retry_changes_nothing(job, monkeypatch):
    def follow(peer, jobs):
        Job.objects.filter(pk=job.pk).update(round=2)
        return {job.remote_id: State(phase=Phase.ERROR)}

    monkeypatch.setattr(cluster, "follow", follow)

    assert looked_after(job).phase == "QUEUED"


def test_whoever_took_too_long_for_a_turn_changes_nothing(job, monkeypatch):
    def follow(peer, jobs):
        Watch.objects.update(lease_until=timezone.now())
        assert watches.take_turn("cluster", "slurm") is not None
        return {job.remote_id: State(phase=Phase.COMPLETED)}

    monkeypatch.setattr(cluster, "follow", follow)

    assert looked_after(job).phase == "QUEUED"


def test_a_turn_whose_taker_died_is_taken_by_another(job):
    Watch.objects.update(due=timezone.now())
    assert watches.take_turn("cluster", "slurm") is not None
    assert watches.take_turn("cluster", "slurm") is None

    Watch.objects.update(lease_until=timezone.now())

    assert watches.take_turn("cluster", "slurm") is not None


def test_a_follower_that_no_room_has_any_more_is_no_harm(job, settings):
    settings.JOB_KINDS = []

    assert looked_after(job).phase == "QUEUED"
