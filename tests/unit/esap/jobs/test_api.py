"""One job in the JSON face: how it stands, what it made, how it is stopped and removed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from esap.jobs import moves, services
from esap.jobs.models import Job
from esap.jobs.services import Part
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.kinds import TABLE

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    return APIClient()


def iso(time):
    return time.isoformat().replace("+00:00", "Z")


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
        "waits_for": "",
        "progress": {"fraction": 0.5, "sentence": "1 of 2 archives"},
        "results": [
            {"name": "stars", "media_type": "text/csv", "link": "/results/stars.csv", "size": 12}
        ],
        "problem": None,
        "children": {
            "total": 0,
            "phases": {},
            "url": f"http://testserver/esap-api/jobs?parent={job.pk}",
        },
        "created": iso(done.created),
        "started": iso(done.started),
        "ended": iso(done.ended),
        "quote": None,
        "destruction": iso(job.destruction),
        "execution_duration": 0,
        "shared": False,
        "mail": False,
    }


def test_a_whole_sums_up_its_parts(ada):
    whole = services.submit_parts(
        "test.parts", {}, [Part(kind="test.work", parameters={})] * 3, ada
    )
    first, *_ = whole.children.all()
    moves.complete(moves.claim(first.pk))

    told = logged_in(ada).get(f"/esap-api/jobs/{whole.pk}").json()["children"]

    assert (told["total"], told["phases"]) == (3, {"COMPLETED": 1, "QUEUED": 2})
    listed = logged_in(ada).get(told["url"]).json()["results"]
    assert {job["parent"] for job in listed} == {str(whole.pk)}
    assert len(listed) == 3


def test_anothers_job_answers_404_whatever_is_asked_and_nothing_happens(ada, bob):
    job = services.begin("query.search", {}, ada)
    stranger, here = logged_in(bob), f"/esap-api/jobs/{job.pk}"

    answers = [
        stranger.get(here),
        stranger.patch(here, {"run_id": "mine"}, format="json"),
        stranger.delete(here),
        stranger.post(f"{here}/cancel"),
        stranger.post(f"{here}/retry"),
        stranger.get(f"{here}/results"),
        stranger.post(f"{here}/share"),
        stranger.delete(f"{here}/share"),
    ]

    job.refresh_from_db()
    assert [answer.status_code for answer in answers] == [404] * 8
    assert {answer.json()["slug"] for answer in answers} == {"not-found"}
    assert (job.phase, job.run_id, job.share) == ("EXECUTING", "", "")


def test_a_job_that_is_not_there_answers_404(api):
    assert api.get(f"/esap-api/jobs/{uuid4()}").status_code == 404
    assert api.get("/esap-api/jobs/not-an-id").status_code == 404


@pytest.mark.parametrize("slash", ["", "/"])
def test_to_cancel_a_job_aborts_it_and_keeps_it(ada, slash):
    job = services.begin("query.search", {}, ada)

    answer = logged_in(ada).post(f"/esap-api/jobs/{job.pk}/cancel{slash}")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["phase"], job.phase) == (200, "ABORTED", "ABORTED")


def test_a_job_that_has_ended_cannot_be_cancelled(api):
    job = services.complete(services.begin("query.search", {}))

    answer = api.post(f"/esap-api/jobs/{job.pk}/cancel")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert job.phase == "COMPLETED"


def test_a_job_that_has_ended_is_deleted_with_its_parts(ada):
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.abort(services.submit_parts("test.parts", {}, parts, ada))
    kept = services.complete(services.begin("query.search", {}, ada))

    answer = logged_in(ada).delete(f"/esap-api/jobs/{whole.pk}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert [job.pk for job in Job.objects.all()] == [kept.pk]


def test_deleting_a_job_that_runs_is_refused_and_it_goes_on(ada):
    job = services.begin("query.search", {}, ada)

    answer = logged_in(ada).delete(f"/esap-api/jobs/{job.pk}/")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert f"POST /esap-api/jobs/{job.pk}/cancel" in answer.json()["detail"]
    assert job.phase == "EXECUTING"


def test_a_part_is_not_deleted_by_itself(ada):
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.submit_parts("test.parts", {}, parts, ada)
    part = services.abort(whole.children.first())

    answer = logged_in(ada).delete(f"/esap-api/jobs/{part.pk}")

    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert Job.objects.filter(pk=part.pk).exists()


def test_what_still_runs_at_a_peer_is_unseen_at_once_but_its_record_stays(ada):
    job = services.submit("test.remote", {}, ada, peer="cluster")
    Job.objects.filter(pk=job.pk).update(submitting=timezone.now(), remote_id="r1")
    services.abort(job)
    client = logged_in(ada)

    answer = client.delete(f"/esap-api/jobs/{job.pk}")

    assert answer.status_code == 204
    assert client.get(f"/esap-api/jobs/{job.pk}").status_code == 404
    assert client.get("/esap-api/jobs").json()["results"] == []
    assert Job.objects.get().due is not None


def test_a_job_is_unseen_once_its_destruction_time_has_come(api):
    job = services.complete(services.begin("query.search", {}))
    Job.objects.update(destruction=timezone.now() - timedelta(seconds=1))

    assert api.get(f"/esap-api/jobs/{job.pk}").status_code == 404


def test_to_retry_a_job_queues_it_again(ada):
    job = services.abort(services.submit("test.work", {}, ada))

    answer = logged_in(ada).post(f"/esap-api/jobs/{job.pk}/retry")

    assert answer.status_code == 202
    assert answer["Location"] == f"/esap-api/jobs/{job.pk}"
    assert answer.json()["phase"] == "QUEUED"


def test_to_retry_a_whole_queues_only_the_parts_that_failed(ada):
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.submit_parts("test.parts", {}, parts, ada)
    done, spoilt = whole.children.all()
    moves.complete(moves.claim(done.pk))
    services.abort(spoilt)

    answer = logged_in(ada).post(f"/esap-api/jobs/{whole.pk}/retry")

    assert answer.status_code == 202
    assert answer.json()["children"]["phases"] == {"COMPLETED": 1, "QUEUED": 1}


@pytest.mark.parametrize(
    ("logged", "status", "slug"), [(False, 401, "login-required"), (True, 403, "not-allowed")]
)
def test_what_was_done_for_nobody_is_not_taken_up_by_a_worker(ada, logged, status, slug):
    job = services.abort(services.begin("test.work", {}))
    client = logged_in(ada) if logged else APIClient()

    answer = client.post(f"/esap-api/jobs/{job.pk}/retry")

    job.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (status, slug)
    assert (job.phase, job.round) == ("ABORTED", 1)


def test_a_job_of_which_nothing_failed_cannot_be_retried(ada):
    job = services.complete(services.begin("test.work", {}, ada))

    answer = logged_in(ada).post(f"/esap-api/jobs/{job.pk}/retry")

    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_results_of_a_job_are_listed(api, slash):
    job = services.complete(services.begin("query.search", {}), [TABLE])

    answer = api.get(f"/esap-api/jobs/{job.pk}/results{slash}")

    assert answer.json() == {
        "results": [
            {"name": "stars", "media_type": "text/csv", "link": "/results/stars.csv", "size": 12}
        ],
        "next": None,
    }


def test_operators_see_jobs_and_their_events_but_cannot_change_them(admin_client):
    job = services.begin("query.search", {})

    assert admin_client.get("/esap-api/admin/jobs/job/").status_code == 200
    page = admin_client.get(f"/esap-api/admin/jobs/job/{job.pk}/change/")
    assert page.status_code == 200
    assert admin_client.get("/esap-api/admin/jobs/job/add/").status_code == 403
    assert admin_client.post(f"/esap-api/admin/jobs/job/{job.pk}/delete/").status_code == 403
    assert Job.objects.filter(pk=job.pk).exists()
