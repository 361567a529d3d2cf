"""What may be changed of a job, and the link by which others read it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from esap.jobs import moves, services
from esap.jobs.models import Job
from esap.jobs.services import Result
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(ada):
    return services.submit("test.work", {}, ada)


@pytest.fixture
def patch(ada, job):
    def change(**body):
        return logged_in(ada).patch(f"/esap-api/jobs/{job.pk}", body, format="json")

    return change


def test_a_job_gets_a_name(patch, job):
    answer = patch(run_id="the second night")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["run_id"]) == (200, "the second night")
    assert job.run_id == "the second night"


def test_a_job_goes_earlier_if_so_wanted(patch, job):
    sooner = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)

    answer = patch(destruction=sooner.isoformat())

    job.refresh_from_db()
    assert answer.json()["destruction"] == sooner.isoformat().replace("+00:00", "Z")
    assert job.destruction == sooner


def test_a_job_goes_no_later_than_the_operator_lets_it(patch, settings):
    settings.JOB_DAYS = 30

    told = patch(destruction="2099-01-01T00:00:00Z").json()["destruction"]

    assert told < (timezone.now() + timedelta(days=30, seconds=1)).isoformat()


def test_a_job_that_waits_may_be_given_another_time_to_run(patch, job):
    answer = patch(execution_duration=3600)

    job.refresh_from_db()
    assert (answer.status_code, job.execution_duration) == (200, 3600)


def test_one_that_runs_may_not_and_then_nothing_else_changes_either(patch, job):
    moves.claim(job.pk)

    answer = patch(run_id="late", execution_duration=3600)

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert (job.run_id, job.execution_duration) == ("", 0)


def test_one_that_runs_may_be_told_what_it_has(patch, job):
    moves.claim(job.pk)

    answer = patch(run_id="late", execution_duration=0)

    assert (answer.status_code, answer.json()["run_id"]) == (200, "late")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"phase": "COMPLETED"}, "phase"),
        ({"execution_duration": 2**31}, "execution_duration"),
        ({"destruction": "tomorrow"}, "destruction"),
        ({"destruction": "2020-01-01T00:00:00Z"}, "destruction"),
        ({"run_id": "x" * 65}, "run_id"),
    ],
)
def test_what_cannot_be_changed_is_refused_and_named(patch, job, body, word):
    answer = patch(**body)

    before = (job.phase, job.run_id, job.destruction)
    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert word in answer.json()["detail"]
    assert (job.phase, job.run_id, job.destruction) == before


@pytest.fixture
def shared(ada, job):
    """The answer to making a link to a job that has two results."""
    here = Result("stars", "text/csv", f"/esap-api/jobs/{job.pk}/results/stars", 12)
    elsewhere = Result("plot", "image/png", "https://example.org/plot.png")
    moves.complete(moves.claim(job.pk), [here, elsewhere])
    return logged_in(ada).post(f"/esap-api/jobs/{job.pk}/share")


def test_a_link_lets_others_read_the_job_and_is_told_once(shared, ada, job):
    token = shared.json()["token"]

    read = APIClient().get(shared.json()["url"])

    assert shared.status_code == 201
    assert shared.json()["url"] == f"http://testserver/esap-api/jobs/{job.pk}?share={token}"
    assert (read.status_code, read.json()["id"]) == (200, str(job.pk))
    mine = logged_in(ada).get(f"/esap-api/jobs/{job.pk}").json()
    assert mine["shared"] is True
    assert token not in str(mine)


@pytest.mark.parametrize("at", ["", "/results"])
def test_who_came_by_the_link_can_follow_ours_and_others_hear_no_token(shared, job, at):
    token = shared.json()["token"]

    told = APIClient().get(f"/esap-api/jobs/{job.pk}{at}?share={token}").json()

    assert [result["link"] for result in told["results"]] == [
        f"/esap-api/jobs/{job.pk}/results/stars?share={token}",
        "https://example.org/plot.png",
    ]


def test_the_events_are_heard_by_the_link_as_well(shared, job, settings):
    settings.ROOT_URLCONF = "esap.events.urls"
    token, heard = shared.json()["token"], job.events.latest("id").pk

    by_link, without = (
        APIClient().get(f"/esap-api/jobs/{job.pk}/events?last_event_id={heard}{share}")
        for share in (f"&share={token}", "")
    )

    assert (by_link.status_code, without.status_code) == (204, 404)


def test_the_events_are_told_with_the_link(shared, job):
    token = shared.json()["token"]

    told = APIClient().get(shared.json()["url"]).json()["events_url"]

    assert told == f"http://testserver/esap-api/jobs/{job.pk}/events?share={token}"


def test_the_link_is_for_reading_only(shared, job):
    token = shared.json()["token"]

    answers = [
        APIClient().delete(f"/esap-api/jobs/{job.pk}?share={token}"),
        APIClient().post(f"/esap-api/jobs/{job.pk}/retry?share={token}"),
        APIClient().post(f"/esap-api/jobs/{job.pk}/share?share={token}"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert Job.objects.filter(pk=job.pk, phase="COMPLETED").exists()


def test_an_ended_link_opens_nothing(shared, ada, job):
    ended = logged_in(ada).delete(f"/esap-api/jobs/{job.pk}/share")

    assert (ended.status_code, ended.content) == (204, b"")
    assert APIClient().get(shared.json()["url"]).status_code == 404


@pytest.mark.parametrize("token", ["", "x", "ö", "%00"])
def test_a_token_that_is_none_opens_nothing(shared, job, token):
    assert APIClient().get(f"/esap-api/jobs/{job.pk}?share={token}").status_code == 404
    assert APIClient().get(f"/esap-api/jobs/{uuid4()}?share={token}").status_code == 404
