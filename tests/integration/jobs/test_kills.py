"""Whatever is killed, every job ends in the right phase: none is lost, none is done twice."""

import os
import signal
import time
from collections import Counter
from random import Random

import pytest

from esap.jobs import services
from esap.jobs.models import Event, Job
from tests.support.waiting import wait_for

SECONDS = 60.0


def phases(ids):
    return Counter(Job.objects.filter(pk__in=ids).values_list("phase", flat=True))


def all_are(phase, ids):
    return wait_for(lambda: phases(ids) == {phase: len(ids)}, SECONDS)


def begun(machine, ids, times=1):
    """Wait until so many executions of these jobs have begun."""
    return wait_for(
        lambda: sum(machine.executions()[0][job_id] for job_id in ids) >= times, SECONDS
    )


def ends_told(ids):
    told = Event.objects.filter(job__in=ids, name="phase")
    return Counter(
        str(job)
        for job, data in told.values_list("job", "data")
        if data["phase"] in {"COMPLETED", "ERROR", "ABORTED"}
    )


@pytest.fixture(autouse=True)
def all_is_well_again(machine):
    yield
    for process in (machine.broker, machine.worker, machine.clock):
        if process.process.poll() is not None:
            process.start()


def test_jobs_are_carried_out_once(machine):
    ids = [machine.submit("kill.again", 0.1) for _ in range(6)]

    assert all_are("COMPLETED", ids), phases(ids)

    began, ended = machine.executions()
    assert {began[job_id] for job_id in ids} == {ended[job_id] for job_id in ids} == {1}


def test_a_worker_killed_in_mid_task_loses_no_job(machine):
    ids = [machine.submit("kill.again", 1.5) for _ in range(5)]
    assert begun(machine, ids, 2)

    machine.worker.kill()
    machine.worker.start()

    assert all_are("COMPLETED", ids), phases(ids)
    began, ended = machine.executions()
    assert {ended[job_id] for job_id in ids} == {1}
    assert max(began[job_id] for job_id in ids) == 2
    assert ends_told(ids) == dict.fromkeys(ids, 1)


def test_work_that_may_not_be_repeated_fails_when_its_worker_is_killed(machine):
    job_id = machine.submit("kill.once", 5)
    assert begun(machine, [job_id])

    machine.worker.kill()
    machine.worker.start()

    assert all_are("ERROR", [job_id])
    assert Job.objects.get(pk=job_id).problem["slug"] == "work-lost"
    began, ended = machine.executions()
    assert (began[job_id], ended[job_id]) == (1, 0)


def test_a_process_of_the_worker_killed_in_mid_task_loses_no_job(machine):
    ids = [machine.submit("kill.again", 1.5) for _ in range(2)]
    assert begun(machine, ids, 2)

    os.kill(machine.pid_of(ids[0]), signal.SIGKILL)

    assert all_are("COMPLETED", ids), phases(ids)
    began, ended = machine.executions()
    assert [(began[job_id], ended[job_id]) for job_id in ids] == [(2, 1), (1, 1)]


def test_a_worker_that_is_told_to_stop_gives_its_job_to_the_next_at_once(machine):
    job_id = machine.submit("kill.again", 2)
    assert begun(machine, [job_id])

    machine.worker.stop()

    assert wait_for(lambda: Job.objects.get(pk=job_id).phase == "QUEUED", 1)
    machine.worker.start()
    assert all_are("COMPLETED", [job_id])
    assert machine.executions()[1][job_id] == 1


def test_a_worker_that_froze_is_given_up_and_stops_when_it_thaws(machine):
    job_id = machine.submit("kill.again", 3)
    assert begun(machine, [job_id])
    frozen = machine.worker
    other = machine.a_worker("other").start()
    try:
        frozen.signal(signal.SIGSTOP)
        assert begun(machine, [job_id], 2)
        frozen.signal(signal.SIGCONT)

        assert all_are("COMPLETED", [job_id])
    finally:
        other.kill()
    began, ended = machine.executions()
    assert (began[job_id], ended[job_id]) == (2, 1)
    assert ends_told([job_id]) == {job_id: 1}


def test_a_broker_killed_and_restarted_empty_loses_no_job(machine):
    ids = [machine.submit("kill.again", 0.3) for _ in range(12)]
    assert begun(machine, ids, 2)

    machine.lose_all_messages()
    time.sleep(1)
    machine.start_broker()
    assert machine.queue_length() == 0

    assert all_are("COMPLETED", ids), phases(ids)
    began, ended = machine.executions()
    assert {began[job_id] for job_id in ids} == {ended[job_id] for job_id in ids} == {1}


def test_jobs_are_taken_in_while_the_broker_is_away_and_carried_out_later(machine):
    machine.submit("kill.again")  # the gateway has its connection
    machine.broker.kill()

    ids = [machine.submit("kill.again", 0.1) for _ in range(3)]
    assert phases(ids) == {"QUEUED": 3}

    machine.start_broker()
    assert all_are("COMPLETED", ids), phases(ids)


def test_a_gateway_killed_between_commit_and_queueing_loses_no_job(machine):
    before = set(Job.objects.values_list("pk", flat=True))
    machine.submit_and_die("kill.again")
    (job,) = Job.objects.exclude(pk__in=before)

    assert all_are("COMPLETED", [job.pk])
    assert machine.executions()[0][str(job.pk)] == 1


def test_messages_delivered_many_times_to_two_workers_are_carried_out_once(machine):
    machine.worker.kill()
    ids = [machine.submit("kill.again", 0.2) for _ in range(4)]
    for job_id in ids:
        machine.ring(job_id, 3)
    other = machine.a_worker("other").start()
    machine.worker.start()
    try:
        assert all_are("COMPLETED", ids), phases(ids)
        assert wait_for(lambda: machine.queue_length() == 0, SECONDS)
    finally:
        other.kill()
    began, _ended = machine.executions()
    assert {began[job_id] for job_id in ids} == {1}


def test_a_clock_that_was_killed_is_made_up_for_by_the_next(machine):
    machine.clock.kill()
    job_id = machine.submit("kill.again", 1)
    assert begun(machine, [job_id])
    machine.worker.kill()
    machine.worker.start()
    time.sleep(1)
    assert phases([job_id]) == {"EXECUTING": 1}

    machine.clock.start()

    assert all_are("COMPLETED", [job_id])


def test_an_aborted_job_stops_within_seconds(machine):
    job_id = machine.submit("kill.again", 30)
    assert begun(machine, [job_id])

    services.abort(Job.objects.get(pk=job_id))
    free = machine.submit("kill.again", 0)
    busy = machine.submit("kill.again", 0)

    assert all_are("COMPLETED", [free, busy])
    assert machine.executions()[1][job_id] == 0
    assert phases([job_id]) == {"ABORTED": 1}


def test_a_database_that_was_away_for_longer_than_a_lease_loses_no_job(machine, outage):
    ids = [machine.submit("kill.again", 2) for _ in range(4)]
    assert begun(machine, ids, 2)

    with outage():
        time.sleep(7)  # the leases have ended, and so has the work

    assert all_are("COMPLETED", ids), phases(ids)
    began, ended = machine.executions()
    assert {began[job_id] for job_id in ids} == {ended[job_id] for job_id in ids} == {1}
    assert ends_told(ids) == dict.fromkeys(ids, 1)


def test_a_job_whose_worker_is_killed_while_the_peer_answers_is_there_once(machine):
    job_id = machine.submit("kill.remote", 20, "shelf")
    assert wait_for((machine.folder / f"job-{job_id}").exists, SECONDS)

    machine.worker.kill()
    machine.worker.start()

    assert wait_for(lambda: Job.objects.get(pk=job_id).remote_id == f"job-{job_id}", SECONDS)
    (machine.folder / f"job-{job_id}").write_text("EXECUTING")
    assert all_are("EXECUTING", [job_id])
    (machine.folder / f"job-{job_id}").write_text("COMPLETED")
    assert all_are("COMPLETED", [job_id])
    assert (machine.folder / "submissions").read_text().split().count(job_id) == 1


def test_jobs_whose_peer_is_away_wait_and_say_so(machine):
    job_id = machine.submit("kill.remote", 0, "shelf")
    assert wait_for(lambda: Job.objects.get(pk=job_id).remote_id != "", SECONDS)

    (machine.folder / "away").touch()
    said = "shelf is away since"
    assert wait_for(lambda: Job.objects.get(pk=job_id).waits_for.startswith(said), SECONDS)
    assert phases([job_id]) == {"QUEUED": 1}
    (machine.folder / f"job-{job_id}").write_text("COMPLETED")
    (machine.folder / "away").unlink()

    assert all_are("COMPLETED", [job_id])


def test_a_job_aborted_while_its_worker_is_dead_is_stopped_at_the_peer(machine):
    job_id = machine.submit("kill.remote", 20, "shelf")
    assert wait_for((machine.folder / f"job-{job_id}").exists, SECONDS)
    machine.worker.kill()

    services.abort(Job.objects.get(pk=job_id))
    machine.worker.start()

    stopped = (machine.folder / f"job-{job_id}").read_text
    assert wait_for(lambda: stopped() == "ABORTED", SECONDS)
    assert wait_for(lambda: Job.objects.get(pk=job_id).due is None, SECONDS)


def test_whatever_is_killed_in_whatever_order_every_job_is_done(machine):
    chance = Random(20261126)
    ids = [machine.submit("kill.again", chance.uniform(0.2, 1.5)) for _ in range(20)]
    for _ in range(6):
        time.sleep(chance.uniform(0.2, 2))
        match chance.choice(["worker", "child", "broker", "messages", "clock"]):
            case "worker":
                machine.worker.kill()
                machine.worker.start()
            case "child":
                for pid in machine.worker.children()[:1]:
                    os.kill(pid, signal.SIGKILL)
            case "broker":
                machine.broker.kill()
                machine.start_broker()
            case "messages":
                machine.lose_all_messages()
                machine.start_broker()
            case "clock":
                machine.clock.kill()
                machine.clock.start()

    assert all_are("COMPLETED", ids), phases(ids)
    assert ends_told(ids) == dict.fromkeys(ids, 1)
