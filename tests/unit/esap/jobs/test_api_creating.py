"""Jobs made by `POST jobs/`: of any kind, once for each key, and no more than is fair."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from esap.errors import InvalidRequest
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from tests.unit.esap.jobs import kinds
from tests.unit.esap.jobs.clients import logged_in

pytestmark = pytest.mark.django_db

JOBS = "/esap-api/jobs"
WORK = {"kind": "test.work", "parameters": {"rows": 3}}


def refuse_night(parameters, owner):
    if parameters.get("when") == "night":
        raise InvalidRequest(f"when: {owner.get_username()} may not work at night.")


KINDS = {**kinds.KINDS, "test.day": JobKind("test.day", kinds.work, check=refuse_night)}


@pytest.fixture
def client(ada):
    return logged_in(ada)


def post(client, body, **headers):
    return client.post(JOBS, body, format="json", headers=headers)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_job_of_any_kind_is_queued_and_told_where_it_is(client, ada, slash):
    answer = client.post(f"{JOBS}{slash}", WORK | {"run_id": "mine"}, format="json")

    job = Job.objects.get()
    assert answer.status_code == 202
    assert answer["Location"] == f"{JOBS}/{job.pk}"
    told = answer.json()
    assert (told["id"], told["kind"], told["phase"]) == (str(job.pk), "test.work", "QUEUED")
    assert (job.owner, job.parameters, job.run_id) == (ada, {"rows": 3}, "mine")


def test_a_worker_carries_it_out(client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        post(client, WORK)

    job = Job.objects.get()
    assert (job.phase, kinds.calls) == ("COMPLETED", [str(job.pk)])


def test_how_long_it_may_run_and_be_kept_is_set_at_once(client):
    soon = (timezone.now() + timedelta(days=2)).replace(microsecond=0)

    post(client, WORK | {"execution_duration": 60, "destruction": soon.isoformat()})

    job = Job.objects.get()
    assert (job.execution_duration, job.destruction) == (60, soon)


def test_a_kind_that_runs_at_peers_is_told_which(client):
    answer = post(client, {"kind": "test.remote", "parameters": {}, "peer": "cluster"})

    assert (answer.status_code, answer.json()["peer"]) == (202, "cluster")


def test_without_a_login_no_job_is_made():
    answer = post(APIClient(), WORK)

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "kind"),
        ({"kind": "no.such"}, "no.such"),
        ({"kind": "test.wish", "parameters": {"rows": "many"}}, "rows"),
        ({"kind": "test.wish", "parameters": [1]}, "parameters"),
        ({"kind": "test.remote", "parameters": {}}, "peer"),
        ({"kind": "test.parts", "parameters": {}}, "sum of others"),
        (WORK | {"colour": "red"}, "colour"),
        (WORK | {"run_id": "x" * 65}, "run_id"),
        (WORK | {"execution_duration": -1}, "execution_duration"),
        (WORK | {"destruction": "2020-01-01T00:00:00Z"}, "destruction"),
        ({"kind": "test.work", "parameters": {"deep": [{"in": "a\0b"}]}}, "U+0000"),
        ([WORK], "object"),
    ],
)
def test_what_cannot_be_is_refused_and_named(client, body, word):
    answer = post(client, body)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert word in answer.json()["detail"]
    assert not Job.objects.exists()


def test_what_the_room_would_not_do_is_refused_before_anything_is_written(client, settings):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.test_api_creating.KINDS"]

    answer = post(client, {"kind": "test.day", "parameters": {"when": "night"}})

    assert answer.status_code == 400
    assert answer.json()["detail"] == "when: ada may not work at night."
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("respond-async, wait=10", "respond-async"),
        ('Respond-Async; foo="a,b"', "respond-async"),
        ("wait=10", None),
        ("", None),
    ],
)
def test_of_what_is_preferred_it_says_what_it_does(client, prefer, applied):
    answer = post(client, WORK, Prefer=prefer)

    assert answer.status_code == 202
    assert answer.headers.get("Preference-Applied") == applied


def test_the_same_request_with_the_same_key_makes_one_job(client):
    first = post(client, WORK, Idempotency_Key='"k"')
    again = client.post(f"{JOBS}/", WORK, format="json", headers={"Idempotency-Key": '"k"'})

    assert (first.status_code, again.status_code) == (202, 202)
    assert first["Location"] == again["Location"]
    assert Job.objects.count() == 1


def test_another_request_with_that_key_is_refused(client):
    post(client, WORK, Idempotency_Key='"k"')

    answer = post(client, {"kind": "test.work", "parameters": {}}, Idempotency_Key='"k"')

    assert (answer.status_code, answer.json()["slug"]) == (422, "key-reused")
    assert Job.objects.count() == 1


def test_others_may_have_the_same_key(client, bob):
    mine = post(client, WORK, Idempotency_Key='"k"')
    theirs = post(logged_in(bob), WORK, Idempotency_Key='"k"')

    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine["Location"] != theirs["Location"]


def test_every_answer_says_how_many_more_there_may_be(client, settings):
    settings.JOBS_IN_FLIGHT, settings.JOBS_LIMITS = 5, {"test.wish": 2, "test.work": 1}

    answer = post(client, {"kind": "test.wish", "parameters": {"rows": 1}})

    unit = 'qu="concurrent-requests"'
    assert answer["RateLimit-Policy"] == f'"jobs";q=5;{unit}, "test.wish";q=2;{unit}'
    assert answer["RateLimit"] == '"jobs";r=4, "test.wish";r=1'


def test_one_too_many_is_told_what_runs_and_when_to_come_back(client, settings):
    settings.JOBS_LIMITS = {"test.work": 1}
    first = post(client, WORK).json()

    answer = post(client, WORK)

    assert (answer.status_code, answer.json()["slug"]) == (429, "too-many-requests")
    assert [job["id"] for job in answer.json()["jobs"]] == [first["id"]]
    assert answer["Retry-After"] == "10"
    assert answer["RateLimit-Policy"] == '"test.work";q=1;qu="concurrent-requests"'
    assert answer["RateLimit"] == '"test.work";r=0;t=10'


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_user_can_ask_how_much_is_used(client, settings, slash):
    settings.JOBS_IN_FLIGHT = 5
    settings.JOBS_LIMITS = {"test.work": 3}
    post(client, WORK)

    mine = client.get(f"{JOBS}/usage{slash}").json()
    nobodys = APIClient().get(f"{JOBS}/usage{slash}")

    assert mine == {
        "results": [
            {"what": "jobs", "running": 1, "limit": 5, "left": 4},
            {"what": "test.work", "running": 1, "limit": 3, "left": 2},
        ],
        "next": None,
    }
    assert nobodys.status_code == 401
