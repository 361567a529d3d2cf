"""Of several who move one job at the same time, exactly one does."""

import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from esap.errors import EsapError, NotFound, TooManyRequests, WrongPhase
from esap.jobs import leases, moves, runner, services, sweeper, watches
from esap.jobs.idempotency import same_request
from esap.jobs.leases import Keeper
from esap.jobs.models import ENDED, Job, Phase, Watch
from esap.jobs.retrying import queue_again
from esap.jobs.services import Part
from tests.unit.esap.jobs import kinds

JOBS = 12
REQUESTS = 100


@pytest.fixture(autouse=True)
def not_rung(monkeypatch):
    """What is submitted is not carried out: a test does that itself, in the thread it chooses."""
    monkeypatch.setattr("esap.jobs.making.ring", lambda job_ids: 0)


def keeper_entry(job):
    return leases._Held(weakref.ref(job), job.lease, lambda: None, time.monotonic())


def at_once(*functions):
    """Call all at the same time, each in a thread; return what each returned or raised.

    As in the gateway, there are 32 threads; who finds none free waits.
    """
    threads = min(len(functions), 32)
    barrier = Barrier(threads)
    first = iter(range(threads))

    def call(function):
        if next(first, None) is not None:
            barrier.wait()
        try:
            return function()
        except EsapError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(call, functions))


@pytest.mark.usefixtures("shared_database")
def test_of_many_threads_that_claim_a_job_one_gets_it():
    for _ in range(JOBS):
        job = Job.objects.create(kind="test.work", phase=Phase.QUEUED)

        outcomes = at_once(*[lambda job=job: moves.claim(job.pk)] * 6)

        assert sum(isinstance(outcome, Job) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, WrongPhase) for outcome in outcomes) == 5
        assert job.events.count() == 1


@pytest.mark.usefixtures("shared_database")
def test_a_message_delivered_many_times_at_once_is_carried_out_once():
    jobs = [Job.objects.create(kind="test.work", phase=Phase.QUEUED) for _ in range(JOBS)]

    for job in jobs:
        at_once(*[lambda job=job: runner.carry_out(job.pk)] * 4)

    assert sorted(kinds.calls) == sorted(str(job.pk) for job in jobs)
    assert set(Job.objects.values_list("phase", flat=True)) == {"COMPLETED"}


@pytest.mark.usefixtures("shared_database")
def test_a_job_that_is_completed_failed_and_aborted_at_once_ends_one_way():
    for _ in range(JOBS):
        job = Job.objects.create(kind="test.work", phase=Phase.EXECUTING)

        outcomes = at_once(
            lambda job=job: moves.complete(job, [kinds.TABLE]),
            lambda job=job: moves.fail(job, NotFound("gone")),
            lambda job=job: moves.abort(job),
        )

        (won,) = [outcome for outcome in outcomes if isinstance(outcome, Job)]
        job.refresh_from_db()
        phases = [event.data["phase"] for event in job.events.filter(name="phase")]
        assert phases == [won.phase] == [job.phase]
        assert job.phase in ENDED
        assert bool(job.results) == (job.phase == Phase.COMPLETED)
        assert bool(job.problem) == (job.phase == Phase.ERROR)


@pytest.mark.usefixtures("shared_database")
def test_no_event_follows_the_one_that_ends_a_job():
    for _ in range(JOBS):
        job = Job.objects.create(kind="test.work", phase=Phase.EXECUTING)

        at_once(
            *[lambda job=job: moves.record_event(job, "rows", [])] * 3,
            lambda job=job: moves.abort(job),
        )

        assert job.events.last().data == {"phase": "ABORTED"}


CLAIM_ALL = """
import django; django.setup()
from esap.errors import WrongPhase
from esap.jobs import moves
from esap.jobs.models import Job
print("ready", flush=True)
input()
for pk in Job.objects.order_by("id").values_list("pk", flat=True):
    try:
        print(moves.claim(pk).pk, flush=True)
    except WrongPhase:
        pass
"""


def test_of_two_processes_that_claim_the_same_jobs_each_job_goes_to_one(shared_database):
    jobs = {str(Job.objects.create(kind="test.work", phase=Phase.QUEUED).pk) for _ in range(JOBS)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM_ALL],
            env=shared_database,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"

    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    claimed = [worker.communicate(timeout=60)[0].split() for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0]
    assert sorted(claimed[0] + claimed[1]) == sorted(jobs)


@pytest.mark.usefixtures("shared_database")
@pytest.mark.parametrize("owned", [True, False])
def test_a_hundred_equal_requests_at_once_make_one_job(owned):
    owner = get_user_model().objects.create_user("ada") if owned else None
    mark = same_request('"k"', caller="somebody", asked={"rows": 1})

    jobs = at_once(*[lambda: services.submit("test.work", {}, owner, mark=mark)] * REQUESTS)

    assert {job.pk for job in jobs} == {Job.objects.get().pk}


@pytest.mark.usefixtures("shared_database")
def test_of_a_hundred_requests_at_once_as_many_are_let_in_as_is_allowed(settings):
    settings.JOBS_IN_FLIGHT = 10
    owner = get_user_model().objects.create_user("ada")

    outcomes = at_once(*[lambda: services.submit("test.work", {}, owner)] * REQUESTS)

    assert Job.objects.count() == 10
    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 10
    refused = [one for one in outcomes if isinstance(one, TooManyRequests)]
    assert [one.extensions["running"] for one in refused] == [10] * (REQUESTS - 10)


@pytest.mark.usefixtures("shared_database")
def test_parts_that_end_at_once_end_the_whole_once():
    for _ in range(JOBS // 3):
        parts = [Part(kind="test.again", parameters={})] * 6
        whole = services.submit_parts("test.parts", {}, parts)
        claimed = [moves.claim(part.pk) for part in whole.children.all()]

        at_once(*[lambda part=part: moves.complete(part) for part in claimed])

        whole.refresh_from_db()
        assert (whole.phase, whole.progress_sentence) == ("COMPLETED", "6 of 6 parts")
        phases = [event.data["phase"] for event in whole.events.filter(name="phase")]
        assert phases == ["QUEUED", "EXECUTING", "COMPLETED"]


@pytest.mark.usefixtures("shared_database")
def test_a_whole_that_is_aborted_while_its_parts_end_and_begin_ends_with_all_of_them():
    for _ in range(JOBS // 3):
        parts = [Part(kind="test.again", parameters={})] * 6
        whole = services.submit_parts("test.parts", {}, parts)
        ids = list(whole.children.values_list("pk", flat=True))
        ending = [moves.claim(pk) for pk in ids[:3]]

        outcomes = at_once(
            lambda whole=whole: services.abort(whole),
            *[lambda part=part: moves.complete(part) for part in ending],
            *[lambda pk=pk: moves.claim(pk) for pk in ids[3:]],
            lambda whole=whole: services.abort(whole),
        )

        whole.refresh_from_db()
        ended = {part.phase for part in whole.children.all()}
        assert whole.phase in ENDED
        assert ended <= {"COMPLETED", "ABORTED"}
        assert any(isinstance(outcome, Job) for outcome in outcomes)


@pytest.mark.usefixtures("shared_database")
def test_of_several_sweepers_one_takes_a_job_from_its_dead_worker(monkeypatch):
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: None)
    past = timezone.now() - timedelta(seconds=1)
    for _ in range(JOBS // 3):
        job = moves.claim(Job.objects.create(kind="test.again", phase=Phase.QUEUED).pk)
        Job.objects.filter(pk=job.pk).update(due=past, silent=True)

        at_once(*[sweeper.sweep] * 4)

        job.refresh_from_db()
        assert (job.phase, job.attempt) == ("QUEUED", 1)
        assert [event.name for event in job.events.all()] == ["phase", "message", "phase"]


@pytest.mark.usefixtures("shared_database")
def test_of_several_sweepers_one_rings_for_a_job(monkeypatch):
    rung = []
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 0)
    monkeypatch.setattr(sweeper, "ring", lambda ids: rung.extend(ids) or len(ids))
    due = timezone.now() - timedelta(seconds=1)
    jobs = Job.objects.bulk_create(
        Job(kind="test.work", phase=Phase.QUEUED, due=due) for _ in range(JOBS)
    )

    at_once(*[sweeper.sweep] * 4)

    assert sorted(rung) == sorted(job.pk for job in jobs)


@pytest.mark.usefixtures("shared_database")
def test_a_worker_that_shows_life_when_it_is_given_up_either_keeps_the_job_or_loses_it(
    monkeypatch,
):
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: None)
    past = timezone.now() - timedelta(seconds=1)
    for _ in range(JOBS):
        job = moves.claim(Job.objects.create(kind="test.again", phase=Phase.QUEUED).pk)
        Job.objects.filter(pk=job.pk).update(due=past, silent=True)
        held = keeper_entry(job)

        at_once(sweeper.sweep, partial(Keeper()._prolong, job.pk, held))

        job_now = Job.objects.get(pk=job.pk)
        assert (job_now.phase == "EXECUTING") is (job_now.lease == job.lease)
        assert moves.is_wanted(job) is (job_now.phase == "EXECUTING")


@pytest.mark.usefixtures("shared_database")
def test_of_several_who_take_a_turn_at_a_peer_one_asks():
    for number in range(JOBS):
        Watch.objects.create(follower="cluster", peer=f"p{number}", due=timezone.now())

        turns = at_once(*[lambda peer=f"p{number}": watches.take_turn("cluster", peer)] * 4)

        assert sum(turn is not None for turn in turns) == 1


@pytest.mark.usefixtures("shared_database")
def test_a_job_for_a_peer_delivered_many_times_at_once_is_submitted_once():
    for number in range(JOBS):
        job = Job.objects.create(kind="test.remote", phase=Phase.QUEUED, peer="slurm")

        at_once(*[lambda job=job: runner.carry_out(job.pk)] * 4)

        assert len(kinds.cluster.marks) == number + 1


@pytest.mark.usefixtures("shared_database")
def test_a_job_retried_by_two_at_once_is_queued_once():
    for _ in range(JOBS):
        job = moves.fail(
            Job.objects.create(kind="test.again", phase=Phase.QUEUED), NotFound("gone")
        )

        outcomes = at_once(*[lambda job=job: queue_again(job)] * 3)

        job.refresh_from_db()
        assert job.round == 2
        assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
