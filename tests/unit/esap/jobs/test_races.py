"""Of several who move one job at the same time, exactly one does."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from esap.errors import EsapError, NotFound, WrongPhase
from esap.jobs import moves, runner
from esap.jobs.models import ENDED, Job, Phase
from tests.unit.esap.jobs import kinds

JOBS = 20


def at_once(*functions):
    """Call all at the same time, each in a thread; return what each returned or raised."""
    barrier = Barrier(len(functions))

    def call(function):
        barrier.wait()
        try:
            return function()
        except EsapError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
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
