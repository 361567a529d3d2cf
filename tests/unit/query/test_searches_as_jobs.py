"""Searches that are jobs: made once for each key, by `POST jobs/` as well, refused at once."""

import json
import time
from threading import BoundedSemaphore, Timer

import pytest
from django.db import connection
from django.test import Client

from esap.jobs import lingering, making
from esap.jobs.models import Job
from esap.jobs.runner import carry_out
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db

SEARCHES = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 1}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def archive(fake, tmp_path, settings):
    """Return a function that has the one archive behave in some way; results are in a folder."""
    results = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "results"},
    }
    settings.STORAGES = {**settings.STORAGES, "results": results}

    def behave(mode):
        folder = tmp_path / mode  # entries are read once from each file
        folder.mkdir(exist_ok=True)
        settings.ENTRY_FILES = write_entries(folder, [star_archive("stars", fake.url(mode))])

    behave("ok")
    return behave


@pytest.fixture
def client(django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def post(client, path, body, **headers):
    return client.post(path, json.dumps(body), "application/json", headers=headers)


def background(client, body, key):
    return post(client, SEARCHES, body, prefer="respond-async", idempotency_key=key)


def test_the_same_search_with_the_same_key_is_made_once(client):
    answers = [background(client, CONE, "k") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("key", [None, "k"])
def test_without_a_login_no_search_is_left_to_a_worker(key):
    keyed = {"idempotency_key": key} if key else {}

    answer = post(Client(), SEARCHES, CONE, prefer="respond-async", **keyed)

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
    assert answer.json()["detail"] == (
        "Jobs outlive the request, so they need an owner. Log in, or send an API token "
        "(Authorization: Bearer ...); on your own machine, `make token` makes one."
    )
    assert not Job.objects.exists()


def test_another_search_with_that_key_is_refused(client):
    background(client, CONE, "k")

    answer = background(client, CONE | {"fov": 2}, "k")

    assert (answer.status_code, answer.json()["slug"]) == (422, "key-reused")
    assert Job.objects.count() == 1


def test_a_search_in_the_background_says_how_many_more_there_may_be(client, settings):
    settings.JOBS_IN_FLIGHT, settings.JOBS_LIMITS = 5, {}

    answer = background(client, CONE, "k")

    assert answer["RateLimit"] == '"jobs";r=4'
    assert answer["Preference-Applied"] == "respond-async"


def test_a_search_is_made_like_any_job(client):
    answer = post(client, "/esap-api/jobs/", {"kind": "query.search", "parameters": CONE})

    job = Job.objects.get()
    assert (answer.status_code, job.kind, job.parameters) == (202, "query.search", CONE)


class TestWaiting:
    """`Prefer: respond-async, wait=N`: the answer itself if it comes soon, else the job."""

    WAIT = "respond-async, wait=5"

    @pytest.fixture
    def worker(self, monkeypatch):
        """Return a function that has a worker begin so many seconds after the request."""
        begun = []

        def begins_after(seconds):
            def ring(job_ids):
                timer = Timer(seconds, self.carry_out, job_ids)
                begun.append(timer)
                timer.start()

            monkeypatch.setattr(making, "ring", ring)

        yield begins_after
        for timer in begun:
            timer.join()

    def carry_out(self, job_ids):
        try:
            for job_id in job_ids:
                carry_out(job_id)
        finally:
            connection.close()

    def test_an_answer_that_comes_in_time_is_that_of_a_search_that_was_waited_for(
        self, client, shared_database, worker
    ):
        worker(0.1)

        waited = post(client, SEARCHES, CONE, prefer=self.WAIT)
        at_once = post(client, SEARCHES, CONE)

        ours, theirs = json.loads(waited.getvalue()), json.loads(at_once.getvalue())
        assert (waited.status_code, waited["Preference-Applied"]) == (200, "wait=5")
        assert (ours["rows"], ours["columns"]) == (theirs["rows"], theirs["columns"])
        assert ours.keys() == theirs.keys()
        assert waited["Link"] == f'<{SEARCHES}{ours["search"]}>; rel="describedby"'
        assert Job.objects.get(pk=ours["search"]).phase == "COMPLETED"

    def test_events_come_as_lines_with_all_rows(self, client, shared_database, worker):
        worker(0)

        answer = post(client, SEARCHES, CONE, prefer=self.WAIT, accept="application/x-ndjson")

        said = [json.loads(line) for line in answer.getvalue().splitlines()]
        assert [one["event"] for one in said] == ["search", "columns", "rows", "archive", "end"]
        assert len(said[2]["rows"]) == said[3]["rows"] == said[4]["rows_total"] == 20

    def test_what_does_not_come_in_time_is_told_as_a_job(self, client, shared_database, worker):
        worker(1.5)

        began = time.monotonic()
        answer = post(client, SEARCHES, CONE, prefer="respond-async, wait=1")

        assert 1 <= time.monotonic() - began < 1.4
        assert (answer.status_code, answer.json()["phase"]) == (202, "QUEUED")
        assert answer["Preference-Applied"] == "respond-async, wait=1"
        assert answer["Location"] == f"/esap-api/jobs/{answer.json()['id']}"

    def test_a_search_that_failed_is_told_as_a_job(self, client, archive, shared_database, worker):
        archive("error500")
        worker(0)
        asked = {"adql": "SELECT * FROM sky.stars", "archives": ["stars"]}

        answer = post(client, SEARCHES, asked, prefer=self.WAIT)

        assert (answer.status_code, answer.json()["phase"]) == (202, "ERROR")

    @pytest.mark.parametrize(
        ("said", "applied"),
        [("wait=600", "wait=10"), ("wait=soon", None), ("wait=-1", None), ("wait=0", None)],
    )
    def test_it_says_how_long_it_would_have_waited(
        self, client, shared_database, worker, said, applied
    ):
        worker(0)

        answer = post(client, SEARCHES, CONE, prefer=f"respond-async, {said}")

        assert answer["Preference-Applied"] == (applied or "respond-async")

    def test_where_many_wait_already_it_answers_at_once(self, client, monkeypatch):
        monkeypatch.setattr(lingering, "_PLACES", BoundedSemaphore(1))
        assert lingering._PLACES.acquire(blocking=False)

        answer = post(client, SEARCHES, CONE, prefer=self.WAIT)

        assert (answer.status_code, answer["Preference-Applied"]) == (202, "respond-async")

    def test_who_waits_counts_as_a_search_that_runs(self, client, settings):
        settings.SEARCHES_IN_FLIGHT = 0

        answer = post(client, SEARCHES, CONE, prefer=self.WAIT)

        assert answer.status_code == 429
        assert not Job.objects.exists()

    def test_without_a_login_there_is_nothing_to_wait_for(self):
        answer = post(Client(), SEARCHES, CONE, prefer=self.WAIT)

        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("parameters", "status", "slug"),
    [
        ({}, 400, "invalid-request"),
        ({"colour": "red"}, 400, "invalid-request"),
        (CONE | {"archives": ["nowhere"]}, 404, "not-found"),
    ],
)
def test_a_search_that_cannot_be_asked_is_refused_before_it_is_a_job(
    client, parameters, status, slug
):
    answer = post(client, "/esap-api/jobs/", {"kind": "query.search", "parameters": parameters})

    assert (answer.status_code, answer.json()["slug"]) == (status, slug)
    assert not Job.objects.exists()


@pytest.mark.parametrize("mode", ["ok", "error500"])
def test_if_adql_fails_at_its_archive_so_does_the_job(
    client, archive, mode, django_capture_on_commit_callbacks
):
    archive(mode)
    asked = {"adql": "SELECT * FROM sky.stars", "archives": ["stars"]}

    with django_capture_on_commit_callbacks(execute=True):
        post(client, "/esap-api/jobs/", {"kind": "query.search", "parameters": asked})

    job = Job.objects.get()
    assert job.phase == ("COMPLETED" if mode == "ok" else "ERROR")
    outcome = job.events.get(name="archive").data
    assert (job.problem or {}).get("detail", "") == (outcome["detail"] if mode != "ok" else "")
