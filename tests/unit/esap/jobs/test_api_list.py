"""The list of jobs: whose, in which order, and by what it is narrowed."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from esap.jobs import services
from esap.jobs.models import Job
from esap.jobs.services import Part
from tests.unit.esap.jobs.clients import logged_in

pytestmark = pytest.mark.django_db


def listed(user, query=""):
    answer = logged_in(user).get(f"/esap-api/jobs?{query}")
    assert answer.status_code == 200, answer.content
    return [job["id"] for job in answer.json()["results"]]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_shows_my_jobs_only_the_newest_first(ada, bob, slash):
    mine = [services.begin("query.search", {}, ada) for _ in range(3)]
    services.begin("query.search", {}, bob)
    services.begin("query.search", {})

    answer = logged_in(ada).get(f"/esap-api/jobs{slash}")

    assert [job["id"] for job in answer.json()["results"]] == [str(job.pk) for job in mine[::-1]]
    assert answer.json()["next"] is None


def test_the_list_asks_for_a_login():
    answer = APIClient().get("/esap-api/jobs")

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
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


@pytest.mark.parametrize("query", ["kind=rucio.staging", "phase=COMPLETED", "run_id=r1"])
def test_the_list_is_narrowed_by_the_fields(ada, query):
    services.begin("query.search", {}, ada)
    staging = services.complete(services.begin("rucio.staging", {}, ada, run_id="r1"))

    assert listed(ada, query) == [str(staging.pk)]


def test_of_several_phases_any_fits_and_the_next_page_knows_them(ada):
    running = services.begin("query.search", {}, ada)
    done = services.complete(services.begin("query.search", {}, ada))
    services.abort(services.begin("query.search", {}, ada))
    client = logged_in(ada)

    first = client.get("/esap-api/jobs?phase=EXECUTING&phase=COMPLETED&limit=1").json()
    second = client.get(first["next"]).json()

    found = [job["id"] for page in (first, second) for job in page["results"]]
    assert found == [str(done.pk), str(running.pk)]
    assert second["next"] is None


def test_since_and_until_are_about_the_creation(ada):
    old, middle, new = (services.begin("query.search", {}, ada) for _ in range(3))
    for day, job in enumerate([old, middle, new], 1):
        Job.objects.filter(pk=job.pk).update(created=datetime(2026, 1, day, tzinfo=UTC))

    assert listed(ada, "since=2026-01-02T00:00:00Z") == [str(new.pk), str(middle.pk)]
    assert listed(ada, "until=2026-01-02T00:00:00Z") == [str(old.pk)]
    assert listed(ada, "since=2026-01-02T00:00:00Z&until=2026-01-03T00:00:00Z") == [str(middle.pk)]


@pytest.mark.parametrize(
    ("text", "place"),
    [("NIGHT", 0), ("urs", 1), ("öme", 2), ('a "quoted"', 2), ("50%25", 2), ("x_y", 2)],
)
def test_a_text_is_found_in_names_peers_and_parameters(ada, text, place):
    services.begin("query.search", {"target": "M31 50 percent xzy"}, ada)
    who = {"who": 'Ole Rømer, Böömer, a "quoted" 50% of x_y'}
    fits = [
        services.begin("query.search", {}, ada, run_id="first night"),
        services.begin("query.search", {}, ada),
        services.begin("query.search", who, ada),
    ]
    services.note_remote(fits[1], peer="ursa", remote_id="1")

    assert listed(ada, f"text={text}") == [str(fits[place].pk)]


def test_a_kind_is_found_by_part_of_its_name(ada):
    notebook = services.begin("ida.notebook", {}, ada)
    services.begin("query.search", {}, ada)

    assert listed(ada, "text=IDA.note") == [str(notebook.pk)]


def test_parts_stand_in_the_list_only_if_asked_for(ada):
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.submit_parts("test.parts", {}, parts, ada)
    ids = {str(part.pk) for part in whole.children.all()}

    assert listed(ada) == [str(whole.pk)]
    assert set(listed(ada, f"parent={whole.pk}")) == ids
    assert set(listed(ada, "parts=true")) == ids | {str(whole.pk)}


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "phase=TIRED",
        "phase=QUEUED&phase=TIRED",
        "parent=x",
        "parts=perhaps",
        "since=yesterday",
        "until=",
        "limit=0",
        "limit=many",
        "cursor=%25%25",
    ],
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

    with django_assert_max_num_queries(4):  # session, user, jobs, their parts
        client.get("/esap-api/jobs")
