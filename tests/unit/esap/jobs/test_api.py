"""The JSON face of jobs."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from esap.jobs import services
from esap.jobs.models import Job
from tests.unit.esap.jobs.kinds import TABLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return APIClient()


def logged_in(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_job_tells_all_about_itself(api, slash):
    job = services.begin("query.search", {"target": "M31"}, run_id="mine")
    services.progress(job, 0.5, "1 of 2 archives")
    done = services.complete(job, [TABLE])

    answer = api.get(f"/esap-api/jobs/{job.pk}{slash}")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(job.pk),
        "url": f"http://testserver/esap-api/jobs/{job.pk}",
        "events_url": f"http://testserver/esap-api/jobs/{job.pk}/events",
        "kind": "query.search",
        "phase": "COMPLETED",
        "run_id": "mine",
        "parent": None,
        "parameters": {"target": "M31"},
        "peer": "",
        "remote_id": "",
        "progress": {"fraction": 0.5, "sentence": "1 of 2 archives"},
        "results": [
            {"name": "stars", "media_type": "text/csv", "link": "/results/stars.csv", "size": 12}
        ],
        "problem": None,
        "created": done.created.isoformat().replace("+00:00", "Z"),
        "started": done.started.isoformat().replace("+00:00", "Z"),
        "ended": done.ended.isoformat().replace("+00:00", "Z"),
        "destruction": job.destruction.isoformat().replace("+00:00", "Z"),
    }


def test_anothers_job_answers_404_and_is_not_aborted(ada, bob):
    job = services.begin("query.search", {}, ada)
    stranger = logged_in(bob)

    answers = [
        stranger.get(f"/esap-api/jobs/{job.pk}"),
        stranger.delete(f"/esap-api/jobs/{job.pk}"),
    ]

    job.refresh_from_db()
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["slug"] == "not-found"
    assert job.phase == "EXECUTING"


def test_a_job_that_is_not_there_answers_404(api):
    assert api.get(f"/esap-api/jobs/{uuid4()}").status_code == 404
    assert api.get("/esap-api/jobs/not-an-id").status_code == 404


def test_deleting_a_job_aborts_it_and_keeps_it(ada):
    job = services.begin("query.search", {}, ada)

    answer = logged_in(ada).delete(f"/esap-api/jobs/{job.pk}")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["phase"], job.phase) == (200, "ABORTED", "ABORTED")


def test_a_job_that_has_ended_cannot_be_aborted(api):
    job = services.complete(services.begin("query.search", {}))

    answer = api.delete(f"/esap-api/jobs/{job.pk}")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert job.phase == "COMPLETED"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_shows_my_jobs_only_the_newest_first(ada, bob, slash):
    mine = [services.begin("query.search", {}, ada) for _ in range(3)]
    services.begin("query.search", {}, bob)
    services.begin("query.search", {})

    answer = logged_in(ada).get(f"/esap-api/jobs{slash}")

    assert [job["id"] for job in answer.json()["results"]] == [str(job.pk) for job in mine[::-1]]
    assert answer.json()["next"] is None


def test_the_list_asks_for_a_login(api):
    answer = api.get("/esap-api/jobs")

    assert answer.status_code in {401, 403}
    assert answer["Content-Type"] == "application/problem+json"


def test_following_next_shows_every_job_once_also_those_of_one_moment(ada):
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(7):
        Job.objects.create(
            kind="query.search", owner=ada, created=moment + timedelta(seconds=number // 3)
        )
    client = logged_in(ada)

    seen, url = [], "/esap-api/jobs?limit=2"
    while url:
        page = client.get(url)
        seen += [job["id"] for job in page.json()["results"]]
        url = page.json()["next"]
        assert page.headers.get("Link") == (f'<{url}>; rel="next"' if url else None)

    assert seen == [str(job.pk) for job in Job.objects.order_by("-created", "-id")]


def test_a_job_submitted_between_two_pages_moves_nothing(ada):
    old = [services.begin("query.search", {}, ada) for _ in range(3)]
    client = logged_in(ada)
    first = client.get("/esap-api/jobs?limit=2").json()

    services.begin("query.search", {}, ada)
    second = client.get(first["next"]).json()

    assert [job["id"] for job in second["results"]] == [str(old[0].pk)]


def test_the_list_is_filtered_by_the_fields(ada):
    services.begin("query.search", {}, ada)
    staging = services.complete(services.begin("rucio.staging", {}, ada, run_id="r1"))
    client = logged_in(ada)

    for query in ("kind=rucio.staging", "phase=COMPLETED", "run_id=r1"):
        results = client.get(f"/esap-api/jobs?{query}").json()["results"]
        assert [job["id"] for job in results] == [str(staging.pk)]


@pytest.mark.parametrize(
    "query", ["colour=red", "phase=TIRED", "parent=x", "limit=0", "limit=many", "cursor=%25%25"]
)
def test_a_parameter_that_cannot_be_is_refused_and_named(ada, query):
    answer = logged_in(ada).get(f"/esap-api/jobs?{query}")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert query.partition("=")[0] in answer.json()["detail"]


def test_a_page_costs_the_same_number_of_statements_however_many_jobs(
    ada, django_assert_max_num_queries
):
    for _ in range(30):
        services.begin("query.search", {}, ada)
    client = logged_in(ada)

    with django_assert_max_num_queries(3):  # session, user, jobs
        client.get("/esap-api/jobs")


def test_operators_see_jobs_and_their_events_but_cannot_change_them(admin_client):
    job = services.begin("query.search", {})

    assert admin_client.get("/esap-api/admin/jobs/job/").status_code == 200
    page = admin_client.get(f"/esap-api/admin/jobs/job/{job.pk}/change/")
    assert page.status_code == 200
    assert admin_client.get("/esap-api/admin/jobs/job/add/").status_code == 403
    assert admin_client.post(f"/esap-api/admin/jobs/job/{job.pk}/delete/").status_code == 403
    assert Job.objects.filter(pk=job.pk).exists()
