"""Jobs in JSON as the published gateway's clients know them."""

import jsonschema
import pytest
from django.utils import timezone

from esap.errors import QueryRejected
from esap.jobs import moves, services
from esap.jobs.models import Job
from tests.contracts.published import schema
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.kinds import TABLE
from tests.unit.esap.jobs.uws import UWS

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(ada):
    """A client that accepts what the published interface does."""
    client = logged_in(ada)
    client.credentials(HTTP_ACCEPT="application/json, text/plain, */*")
    return client


@pytest.fixture
def made(client):
    """The answer to a job that was made as the published interface makes one."""
    body = {
        "runId": "my run",
        "parameters": [{"key": "type", "value": "test.work"}, {"key": "a", "value": 1}],
    }
    return client.post(f"{UWS}/jobs/", body, format="json")


def test_a_new_job_answers_303_with_the_job_in_the_body(made):
    job = Job.objects.get()

    assert (made.status_code, made["Content-Type"]) == (303, "application/json")
    assert made["Location"] == f"http://testserver{UWS}/jobs/{job.pk}"
    jsonschema.validate(made.json(), schema("uws-job"))
    assert made.json() == {
        "url": f"http://testserver{UWS}/jobs/{job.pk}/",
        "jobId": str(job.pk),
        "runId": "my run",
        "jobToken": {"key": "", "created": f"{job.created:%Y-%m-%dT%H:%M:%S.%f}Z"},
        "creationTime": f"{job.created:%Y-%m-%dT%H:%M:%S.%f}Z",
        "phase": "PENDING",
        "parameters": [
            {"key": "type", "value": "test.work", "byReference": False, "isPost": True},
            {"key": "a", "value": "1", "byReference": False, "isPost": True},
        ],
        "results": [],
        "errorSummary": None,
    }


@pytest.mark.parametrize(
    "body",
    [
        {"type": "test.work", "a": 1, "runId": "my run"},
        {"RUNID": "my run", "parameters": {"KIND": "test.work", "a": "1"}},
    ],
)
def test_parameters_may_be_plain_members_too(client, body):
    client.post(f"{UWS}/jobs/", body, format="json")

    job = Job.objects.get()
    assert (job.kind, job.run_id, job.parameters) == ("test.work", "my run", {"a": "1"})


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_phase_is_set_as_before(client, made, slash):
    job = Job.objects.get()

    answer = client.post(f"{UWS}/jobs/{job.pk}/phase{slash}", {"PHASE": "RUN"}, format="json")

    assert (answer.status_code, answer.json()["phase"]) == (303, "QUEUED")
    assert answer["Location"] == f"http://testserver{UWS}/jobs/{job.pk}"


def test_results_and_a_failure_are_told(client, ada):
    done = services.submit("test.work", {}, ada)
    moves.complete(moves.claim(done.pk), [TABLE])
    failed = services.submit("test.work", {}, ada)
    moves.fail(moves.claim(failed.pk), QueryRejected("No such column."))

    told = [client.get(f"{UWS}/jobs/{job.pk}/").json() for job in (done, failed)]

    result = {
        "key": "result",
        "value": f"http://testserver{UWS}/jobs/{done.pk}/results/result",
        "size": 12,
        "mimeType": "text/csv",
    }
    assert [one["results"] for one in told] == [[result], []]
    assert [one["errorSummary"] for one in told] == [None, "No such column."]
    assert client.get(f"{UWS}/jobs/{done.pk}/results/").json() == [result]


def test_the_list_has_the_published_envelope_the_newest_first(client, ada):
    jobs = [services.submit("test.work", {}, ada) for _ in range(3)]

    page = client.get(f"{UWS}/jobs/?page_size=2").json()

    jsonschema.validate(page, schema("uws-jobs"))
    assert {key: value for key, value in page.items() if key != "results"} == {
        "description": "ESAP API Gateway",
        "version": "ESAP-API version 12 aug 2021",
        "requested_page": "1",
        "requested_page_size": "2",
        "default_page_size": 50,
        "max_page_size": 500,
        "count": 3,
        "pages": 2,
    }
    assert [job["jobId"] for job in page["results"]] == [str(jobs[2].pk), str(jobs[1].pk)]
    rest = client.get(f"{UWS}/jobs/?page_size=2&page=2").json()["results"]
    assert [job["jobId"] for job in rest] == [str(jobs[0].pk)]


def test_a_page_that_is_not_there_answers_404(client):
    assert client.get(f"{UWS}/jobs/?page=2").status_code == 404


@pytest.mark.parametrize(
    ("method", "where"),
    [("put", ""), ("patch", ""), ("post", "/results"), ("put", "/phase"), ("delete", "/phase")],
)
def test_what_workers_reported_is_refused_with_a_sentence(client, made, method, where):
    job = Job.objects.get()

    answer = getattr(client, method)(
        f"{UWS}/jobs/{job.pk}{where}/", {"phase": "COMPLETED"}, format="json"
    )

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (405, "method-not-allowed")
    assert answer.json()["detail"].startswith("Jobs are carried out by workers of the gateway")
    assert (job.phase, job.results) == ("PENDING", [])


def test_a_page_costs_the_same_number_of_statements_however_many_jobs(
    client, ada, django_assert_max_num_queries
):
    for _ in range(20):
        services.submit("test.work", {}, ada)

    with django_assert_max_num_queries(4):  # session, user, count, jobs
        client.get(f"{UWS}/jobs/")
    with django_assert_max_num_queries(3):
        client.get(f"{UWS}/jobs/?format=xml")


def test_a_job_that_is_not_the_users_has_no_secret_for_them(client, ada):
    job = services.submit("test.work", {}, ada)
    services.share(job)
    Job.objects.update(lease="1b4e28ba-2fa1-41d2-883f-0016d3cca427", due=timezone.now())
    job.refresh_from_db()

    told = client.get(f"{UWS}/jobs/{job.pk}").content.decode()

    assert job.share not in told
    assert str(job.lease) not in told
