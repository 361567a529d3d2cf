"""Searches left to a worker and waited for: the answer itself if it comes soon, else the job."""

import json
import time
from threading import BoundedSemaphore, Timer

import pytest
from django.db import connection
from django.test import Client

from esap.jobs import lingering, making
from esap.jobs.models import Job
from esap.jobs.runner import carry_out
from tests.support import database
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap
from tests.support.stored import results_in

pytestmark = pytest.mark.django_db
SEARCHES = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 1}
WAIT = "respond-async, wait=5"


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def archive(fake, tmp_path, settings):
    """Return a function that has the one archive behave in some way; results are in a folder."""
    results_in(settings, tmp_path)

    def behave(mode):
        folder = tmp_path / mode  # entries are read once from each file
        folder.mkdir(exist_ok=True)
        settings.ENTRY_FILES = write_entries(folder, [star_archive("stars", fake.url(mode))])

    behave("ok")
    return behave


@pytest.fixture
def client(tmp_path, django_user_model):
    """A user's client; the worker is a thread, so they share a database in a file."""
    with database.file_database(tmp_path / "shared.sqlite3"):
        client = Client()
        client.force_login(django_user_model.objects.create_user("ada"))
        yield client


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), "application/json", headers=headers)


@pytest.fixture
def worker(monkeypatch):
    """Return a function that has a worker begin so many seconds after the request."""
    begun = []

    def begins_after(seconds):
        def ring(job_ids):
            timer = Timer(seconds, work_off, [job_ids])
            begun.append(timer)
            timer.start()

        monkeypatch.setattr(making, "ring", ring)

    yield begins_after
    for timer in begun:
        timer.join()


def work_off(job_ids):
    try:
        for job_id in job_ids:
            carry_out(job_id)
    finally:
        connection.close()


def test_an_answer_that_comes_in_time_is_that_of_a_search_that_was_waited_for(client, worker):
    worker(0.1)

    waited = post(client, SEARCHES, CONE, prefer=WAIT)
    at_once = post(client, SEARCHES, CONE)

    ours, theirs = json.loads(waited.getvalue()), json.loads(at_once.getvalue())
    assert (waited.status_code, waited["Preference-Applied"]) == (200, "wait=5")
    assert (ours["rows"], ours["columns"]) == (theirs["rows"], theirs["columns"])
    assert ours.keys() == theirs.keys()
    assert waited["Link"] == f'<{SEARCHES}{ours["search"]}>; rel="describedby"'
    assert Job.objects.get(pk=ours["search"]).phase == "COMPLETED"


def test_events_come_as_lines_with_all_rows(client, worker):
    worker(0)

    answer = post(client, SEARCHES, CONE, prefer=WAIT, accept="application/x-ndjson")

    said = [json.loads(line) for line in answer.getvalue().splitlines()]
    assert [one["event"] for one in said] == ["search", "columns", "rows", "archive", "end"]
    assert len(said[2]["rows"]) == said[3]["rows"] == said[4]["rows_total"] == 12


def test_what_does_not_come_in_time_is_told_as_a_job(client, worker):
    worker(1.5)

    began = time.monotonic()
    answer = post(client, SEARCHES, CONE, prefer="respond-async, wait=1")

    assert 1 <= time.monotonic() - began < 1.4
    assert (answer.status_code, answer.json()["phase"]) == (202, "QUEUED")
    assert answer["Preference-Applied"] == "respond-async, wait=1"
    assert answer["Location"] == f"/esap-api/jobs/{answer.json()['id']}"


def test_a_search_that_failed_is_told_as_a_job(client, archive, worker):
    archive("error500")
    worker(0)
    asked = {"adql": "SELECT * FROM sky.stars", "archives": ["stars"]}

    answer = post(client, SEARCHES, asked, prefer=WAIT)

    assert (answer.status_code, answer.json()["phase"]) == (202, "ERROR")


@pytest.mark.parametrize(
    ("said", "applied"),
    [("wait=600", "wait=10"), ("wait=soon", None), ("wait=-1", None), ("wait=0", None)],
)
def test_it_says_how_long_it_would_have_waited(client, worker, said, applied):
    worker(0)

    answer = post(client, SEARCHES, CONE, prefer=f"respond-async, {said}")

    assert answer["Preference-Applied"] == (applied or "respond-async")


def test_where_many_wait_already_it_answers_at_once(client, monkeypatch):
    monkeypatch.setattr(lingering, "_PLACES", BoundedSemaphore(1))
    assert lingering._PLACES.acquire(blocking=False)

    answer = post(client, SEARCHES, CONE, prefer=WAIT)

    assert (answer.status_code, answer["Preference-Applied"]) == (202, "respond-async")


def test_who_waits_counts_as_a_search_that_runs(client, settings):
    settings.SEARCHES_IN_FLIGHT = 0

    answer = post(client, SEARCHES, CONE, prefer=WAIT)

    assert answer.status_code == 429
    assert not Job.objects.exists()


def test_without_a_login_there_is_nothing_to_wait_for():
    answer = post(Client(), SEARCHES, CONE, prefer=WAIT)

    assert answer.status_code == 401
