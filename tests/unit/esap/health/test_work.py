"""Whether jobs are carried out, and what to do if they are not."""

import os
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from esap.clock import ALIVE
from esap.health import readiness, signs, work
from esap.jobs.models import Job

pytestmark = pytest.mark.django_db

PATH = "/esap-api/health/jobs"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path, monkeypatch):
    """A gateway at which all is well: a worker and the clock live, and the broker answers."""
    settings.DATA_DIR = tmp_path
    (tmp_path / "workers-alive").mkdir()
    (tmp_path / "workers-alive" / "celery@one").touch()
    (tmp_path / ALIVE).touch()
    monkeypatch.setattr(work, "messages_waiting", lambda: 3)
    monkeypatch.setattr(readiness, "messages_waiting", lambda: 3)
    return tmp_path


def queue(seconds, **members):
    """Queue a job so many seconds ago."""
    then = timezone.now() - timedelta(seconds=seconds)
    job = Job.objects.create(kind="query.search", phase="QUEUED", due=then, **members)
    job.events.create(name="phase", data={"phase": "QUEUED"}, time=then)
    return job


def age(file, seconds):
    then = time.time() - seconds
    os.utime(file, (then, then))


@pytest.mark.parametrize("slash", ["", "/"])
def test_all_is_well(client, settings, slash):
    queue(20)

    answer = client.get(PATH + slash)

    told = answer.json()
    assert answer.status_code == 200
    assert told.pop("oldest_waiting") == pytest.approx(20, abs=2)
    assert told.pop("clock_seen") == pytest.approx(0, abs=2)
    assert told == {
        "status": "ok",
        "version": settings.VERSION,
        "workers": 1,
        "waiting_messages": 3,
    }


def test_without_a_worker_it_says_what_to_do(client, folder):
    age(folder / "workers-alive" / "celery@one", 31)

    answer = client.get(PATH)

    told = answer.json()
    assert (answer.status_code, told["slug"], told["not_ready"]) == (503, "not-ready", ["workers"])
    assert told["workers"] == 0
    assert "Start one: celery --app=esap.celery worker" in told["detail"]


def test_without_the_clock_it_says_what_to_do(client, folder):
    (folder / ALIVE).unlink()

    told = client.get(PATH).json()

    assert told["not_ready"] == ["clock"]
    assert "python -m esap.clock" in told["detail"]


def test_without_the_broker_it_says_so(client, monkeypatch):
    monkeypatch.setattr(work, "messages_waiting", lambda: None)

    told = client.get(PATH).json()

    assert told["not_ready"] == ["broker"]
    assert "waiting_messages" not in told


def test_a_job_that_waits_too_long_asks_for_more_workers(client):
    queue(700)

    told = client.get(PATH).json()

    assert told["not_ready"] == ["queue"]
    assert "start more workers" in told["detail"]


@pytest.mark.parametrize(
    "members", [{"waits_for": "The peer is away."}, {"remote_id": "r1"}, {"lease": uuid4()}]
)
def test_a_job_that_waits_for_something_else_asks_for_no_worker(client, members):
    queue(700, **members)

    assert client.get(PATH).json()["oldest_waiting"] is None


def test_a_job_that_runs_again_waits_since_it_was_queued_last(client):
    queue(5000).events.create(name="phase", data={"phase": "QUEUED", "again": True})

    assert client.get(PATH).json()["oldest_waiting"] == pytest.approx(0, abs=2)


def test_a_gateway_without_workers_is_ready_and_says_that_jobs_wait(client, folder):
    (folder / "workers-alive" / "celery@one").unlink()

    answer = client.get("/esap-api/health/ready")

    assert answer.status_code == 200
    assert [warning[:17] for warning in answer.json()["warnings"]] == ["No worker lives, "]


def test_a_gateway_with_all_its_processes_has_no_warning(client):
    assert client.get("/esap-api/health/ready").json()["warnings"] == []


def test_a_worker_that_left_is_forgotten_and_one_that_died_long_ago_too(folder):
    died = folder / "workers-alive" / "celery@two"
    died.touch()
    age(died, 86_500)

    assert list(signs.workers_seen()) == ["celery@one"]
    assert not died.exists()
