"""A job and the job list as IVOA UWS 1.1 describes them."""

from datetime import UTC, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from esap.errors import BackendTimedOut, QueryRejected
from esap.jobs import moves, services
from esap.jobs.models import Job
from esap.jobs.services import Part, Result
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.kinds import TABLE
from tests.unit.esap.jobs.uws import UWS, find, texts, xml

pytestmark = pytest.mark.django_db

JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def client(ada):
    return logged_in(ada)


def uws_time(time):
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@pytest.mark.parametrize("face", ["jobs", "async"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_job_tells_all_that_the_standard_asks_for(client, ada, face, slash):
    job = services.submit(
        "test.work", {"band": "g", "rows": 3}, ada, run_id="mine", execution_duration=60
    )
    done = moves.complete(moves.claim(job.pk), [TABLE])

    root = xml(client.get(f"{UWS}/{face}/{job.pk}{slash}"))

    assert (root.tag, root.get("version")) == ("{http://www.ivoa.net/xml/UWS/v1.0}job", "1.1")
    assert texts(root) == {
        "jobId": str(job.pk),
        "runId": "mine",
        "ownerId": "ada",
        "phase": "COMPLETED",
        "quote": None,
        "creationTime": uws_time(done.created),
        "startTime": uws_time(done.started),
        "endTime": uws_time(done.ended),
        "executionDuration": "60",
        "destruction": uws_time(done.destruction),
        "parameters": "",
        "results": "",
        "jobInfo": "",
    }
    pairs = [(one.get("id"), one.text) for one in find(root, "//uws:parameter")]
    assert pairs == [("band", "g"), ("rows", "3")]


def test_what_is_not_known_yet_is_nil(client, ada):
    job = services.submit("test.work", {}, ada)

    told = texts(xml(client.get(f"{UWS}/jobs/{job.pk}")))

    assert [told[name] for name in ("quote", "startTime", "endTime")] == [None] * 3
    assert "errorSummary" not in told
    assert "runId" not in told


def test_a_job_of_nobody_has_no_owner():
    job = services.begin("test.work", {})

    told = texts(xml(APIClient().get(f"{UWS}/jobs/{job.pk}")))

    assert told["ownerId"] is None


def test_the_main_result_is_called_result_and_the_others_as_they_are(client, ada, settings):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.uws_kinds.KINDS"]
    job = services.submit("test.spoken", {"goal": "Venus"}, ada)
    table = Result("second", "application/x", f"/esap-api/jobs/{job.pk}/results/second", 900)
    moves.complete(moves.claim(job.pk), [TABLE, table])

    root = xml(client.get(f"{UWS}/async/{job.pk}"))

    href = "{http://www.w3.org/1999/xlink}href"
    base = f"http://testserver{UWS}/async/{job.pk}/results"
    assert [dict(one.attrib) for one in find(root, "//uws:result")] == [
        {"id": "result", href: f"{base}/result", "mime-type": "application/x-votable+xml"},
        {"id": "stars", href: f"{base}/stars", "size": "12", "mime-type": "text/csv"},
    ]


@pytest.mark.parametrize(
    ("error", "passing"),
    [(QueryRejected("No column <nope>."), "fatal"), (BackendTimedOut("Too slow."), "transient")],
)
def test_a_failure_is_summed_up(client, ada, error, passing):
    job = services.submit("test.work", {}, ada)
    moves.fail(moves.claim(job.pk), error)

    (summary,) = find(xml(client.get(f"{UWS}/jobs/{job.pk}")), "//uws:errorSummary")

    assert dict(summary.attrib) == {"type": passing, "hasDetail": "true"}
    assert find(summary, "uws:message/text()") == [error.detail]


def test_what_uws_has_no_element_for_is_in_the_info(client, ada):
    job = services.submit("test.work", {}, ada)
    services.progress(moves.claim(job.pk), 0.25, "1 & 3 to go")

    (info,) = find(xml(client.get(f"{UWS}/jobs/{job.pk}")), "//uws:jobInfo")

    assert texts(info) == {"kind": "test.work", "progress": "1 & 3 to go"}
    assert find(info, "progress/@fraction") == ["0.2500"]


def test_text_that_xml_cannot_hold_is_told_as_far_as_it_goes(client, ada):
    job = services.submit("test.work", {'<a href="x">': "1 < 2 & \x0b]]> ü"}, ada)

    (told,) = find(xml(client.get(f"{UWS}/jobs/{job.pk}")), "//uws:parameter")

    assert (told.get("id"), told.text) == ('<a href="x">', "1 < 2 & \ufffd]]> ü")


@pytest.mark.parametrize(
    ("accept", "asked", "kind"),
    [
        ("*/*", "", "text/xml"),
        ("", "", "text/xml"),
        ("application/xml", "", "text/xml"),
        (JAVA, "", "text/xml"),
        ("image/png", "", "text/xml"),
        ("application/json, text/plain, */*", "", "application/json"),
        ("*/*", "?format=json", "application/json"),
        ("application/json", "?format=xml", "text/xml"),
        (FIREFOX, "", "text/html; charset=utf-8"),
        (FIREFOX, "?format=xml", "text/xml"),
    ],
)
def test_vo_clients_get_xml_and_json_is_for_those_who_ask(client, ada, accept, asked, kind):
    job = services.submit("test.work", {}, ada)
    paths = [f"{UWS}/jobs{asked}", f"{UWS}/jobs/{job.pk}{asked}"]

    answers = [client.get(path, headers={"accept": accept}) for path in paths]

    assert [(one.status_code, one["Content-Type"]) for one in answers] == [(200, kind)] * 2


def test_a_failure_is_a_problem_document_whatever_is_accepted(client):
    answer = client.get(f"{UWS}/jobs?PHASE=TIRED", headers={"accept": "text/xml"})

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_anothers_job_answers_404_whatever_is_asked_and_nothing_happens(ada, bob):
    job = services.submit("test.work", {"a": "1"}, ada, pending=True)
    stranger, here = logged_in(bob), f"{UWS}/jobs/{job.pk}"
    below = ["phase", "executionduration", "destruction", "quote", "owner", "error"]
    below += ["parameters", "parameters/a", "results", "results/result"]

    answers = [
        stranger.get(here),
        stranger.delete(here),
        stranger.post(here, {"ACTION": "DELETE"}),
        *(stranger.get(f"{here}/{path}") for path in below),
        stranger.post(f"{here}/phase", {"PHASE": "RUN"}),
        stranger.post(f"{here}/executionduration", {"EXECUTIONDURATION": "5"}),
        stranger.post(f"{here}/destruction", {"DESTRUCTION": "2099-01-01"}),
        stranger.post(f"{here}/parameters", {"a": "2"}),
        stranger.put(f"{here}/parameters/a", "2", content_type="text/plain"),
    ]

    assert {answer.status_code for answer in answers} == {404}
    after = Job.objects.get()
    assert (after.phase, after.parameters, after.execution_duration) == ("PENDING", {"a": "1"}, 0)
    assert after.destruction == job.destruction


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_has_my_jobs_the_newest_first(client, ada, bob, slash):
    old = services.submit("test.work", {}, ada, run_id="old")
    new = services.submit("test.work", {}, ada)
    services.submit("test.work", {}, bob)
    services.submit("test.work", {})

    root = xml(client.get(f"{UWS}/async{slash}"))

    assert (root.tag, root.get("version")) == ("{http://www.ivoa.net/xml/UWS/v1.0}jobs", "1.1")
    assert [one.get("id") for one in root] == [str(new.pk), str(old.pk)]
    href = root[1].get("{http://www.w3.org/1999/xlink}href")
    assert href == f"http://testserver{UWS}/async/{old.pk}"
    assert texts(root[1]) == {
        "phase": "QUEUED",
        "runId": "old",
        "ownerId": "ada",
        "creationTime": uws_time(old.created),
    }


def test_without_a_login_the_list_is_empty(ada):
    services.submit("test.work", {}, ada)
    services.submit("test.work", {})

    assert len(xml(APIClient().get(f"{UWS}/jobs"))) == 0


@pytest.fixture
def five(ada):
    """Five jobs, one a day from New Year on: the ids, the oldest first."""
    jobs = [services.submit("test.work", {}, ada) for _ in range(5)]
    for day, job in enumerate(jobs):
        created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
        phase = ["COMPLETED", "ARCHIVED", "ERROR", "QUEUED", "COMPLETED"][day]
        Job.objects.filter(pk=job.pk).update(created=created, phase=phase)
    return [str(job.pk) for job in jobs]


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("", [5, 4, 3, 1]),
        ("PHASE=COMPLETED", [5, 1]),
        ("phase=completed&PHASE=ERROR", [5, 3, 1]),
        ("PHASE=ARCHIVED", [2]),
        ("PHASE=", [5, 4, 3, 1]),
        ("AFTER=2026-01-03T00:00:00Z", [5, 4]),
        ("AFTER=2026-01-02", [5, 4, 3]),
        ("after=2026-01-03T00:00:00", [5, 4]),
        ("LAST=2", [5, 4]),
        ("LAST=1&PHASE=COMPLETED&AFTER=2025-01-01", [5]),
        ("LAST=0", []),
        ("REQUEST=whatever", [5, 4, 3, 1]),
    ],
)
def test_the_list_is_narrowed_by_phase_time_and_number(client, five, query, days):
    root = xml(client.get(f"{UWS}/jobs?{query}"))

    assert [one.get("id") for one in root] == [five[day - 1] for day in days]


@pytest.mark.parametrize("query", ["PHASE=TIRED", "AFTER=yesterday", "LAST=few", "LAST=-1"])
def test_a_filter_that_cannot_be_is_refused_and_named(client, query):
    answer = client.get(f"{UWS}/jobs?{query}")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.json()["detail"].startswith(query.partition("=")[0])


def test_parts_are_not_in_the_list(client, ada):
    whole = services.submit_parts("test.parts", {}, [Part(kind="test.work", parameters={})], ada)

    assert [one.get("id") for one in xml(client.get(f"{UWS}/jobs"))] == [str(whole.pk)]


@pytest.mark.parametrize("phase", ["PENDING", "EXECUTING", "COMPLETED"])
@pytest.mark.parametrize("way", ["DELETE", "ACTION"])
def test_a_deleted_job_is_gone_whatever_it_was_doing(client, ada, phase, way):
    job = services.submit("test.work", {}, ada, pending=phase == "PENDING")
    if phase != "PENDING":
        moves.claim(job.pk)
    if phase == "COMPLETED":
        moves.complete(Job.objects.get(), [TABLE])
    here = f"{UWS}/async/{job.pk}"

    answer = client.delete(here) if way == "DELETE" else client.post(here, {"action": "delete"})

    assert (answer.status_code, answer["Location"]) == (303, f"http://testserver{UWS}/async")
    assert client.get(here).status_code == 404
    assert not Job.objects.exists()


def test_another_action_is_refused(client, ada):
    job = services.submit("test.work", {}, ada)

    answer = client.post(f"{UWS}/jobs/{job.pk}", {"ACTION": "PAINT"})

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert Job.objects.filter(phase="QUEUED").exists()
