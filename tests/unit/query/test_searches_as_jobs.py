"""Searches that are jobs: made once for each key, by `POST jobs/` as well, refused at once."""

import json

import pytest
from django.test import Client

from esap.jobs.models import Job
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap
from tests.support.stored import results_in

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
    results_in(settings, tmp_path)

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
