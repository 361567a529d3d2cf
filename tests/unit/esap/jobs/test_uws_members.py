"""What is below a job of UWS: its phase, its times, its parameters, its results."""

from datetime import timedelta

import pytest
from django.utils import timezone

from esap.errors import QueryRejected
from esap.jobs import moves, services
from esap.jobs.models import Job
from esap.jobs.services import Result
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.kinds import TABLE
from tests.unit.esap.jobs.uws import UWS, find, post, texts, xml

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kinds_of_uws(settings, test_kinds):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.uws_kinds.KINDS"]
    settings.UWS_KIND = "test.errand"


@pytest.fixture
def client(ada):
    return logged_in(ada)


@pytest.fixture
def pending(client):
    post(client, "jobs", goal="Venus", rows="3", RUNID="mine")
    return Job.objects.get()


def plain(answer):
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    return answer.content.decode()


@pytest.mark.parametrize("slash", ["", "/"])
def test_what_is_one_word_is_plain_text(client, pending, slash):
    told = {
        name: plain(client.get(f"{UWS}/async/{pending.pk}/{name}{slash}"))
        for name in ("phase", "executionduration", "destruction", "quote", "owner")
    }

    assert told == {
        "phase": "PENDING",
        "executionduration": "0",
        "destruction": f"{pending.destruction:%Y-%m-%dT%H:%M:%S.%f}Z",
        "quote": "",
        "owner": "ada",
    }


@pytest.mark.parametrize("word", ["RUN", "run"])
def test_a_pending_job_is_told_to_run(client, pending, word, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, f"async/{pending.pk}/phase", PHASE=word)

    pending.refresh_from_db()
    assert (answer.status_code, texts(xml(answer))["phase"]) == (303, "QUEUED")
    assert answer["Location"] == f"http://testserver{UWS}/async/{pending.pk}"
    assert pending.phase == "COMPLETED"
    assert pending.parameters == {"goal": "Venus", "Rows": 3, "bands": []}


def test_a_job_runs_once(client, pending):
    post(client, f"jobs/{pending.pk}/phase", PHASE="RUN")

    answer = post(client, f"jobs/{pending.pk}/phase", PHASE="RUN")

    assert (answer.status_code, answer.json()["slug"]) == (409, "wrong-phase")
    assert "only a PENDING job can be told to RUN" in answer.json()["detail"]
    assert pending.events.filter(name="phase", data__phase="QUEUED").count() == 1


@pytest.mark.parametrize("runs", [False, True])
def test_a_job_is_told_to_abort_and_stays(client, pending, runs):
    if runs:
        post(client, f"jobs/{pending.pk}/phase", PHASE="RUN")
        moves.claim(pending.pk)

    answer = post(client, f"jobs/{pending.pk}/phase", PHASE="ABORT")

    pending.refresh_from_db()
    assert (answer.status_code, pending.phase) == (303, "ABORTED")


@pytest.mark.parametrize("word", ["", "COMPLETE", "EXECUTING", "ERROR", "FLY"])
def test_other_phases_a_job_enters_by_itself(client, pending, word):
    answer = post(client, f"jobs/{pending.pk}/phase", PHASE=word)

    pending.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert pending.phase == "PENDING"


def test_a_job_with_wrong_parameters_fails_when_it_is_told_to_run(client):
    post(client, "jobs", goal="Mars")
    job = Job.objects.get()

    answer = post(client, f"jobs/{job.pk}/phase", PHASE="RUN")

    job.refresh_from_db()
    assert (answer.status_code, job.phase) == (303, "ERROR")
    assert job.problem["detail"] == "There is no way to Mars for ada."


def test_how_long_it_may_run_is_set_until_it_runs(client, pending):
    here = f"jobs/{pending.pk}/executionduration"

    answer = post(client, here, EXECUTIONDURATION="3600")

    assert texts(xml(answer))["executionDuration"] == "3600"
    moves.claim(services.start(pending).pk)
    assert post(client, here, EXECUTIONDURATION="10").status_code == 409
    assert plain(client.get(f"{UWS}/{here}")) == "3600"


def test_when_it_goes_is_set_to_what_the_operator_lets(client, pending, settings):
    settings.JOB_DAYS = 30
    sooner = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)
    here = f"jobs/{pending.pk}/destruction"

    set_to = texts(xml(post(client, here, DESTRUCTION=f"{sooner:%Y-%m-%dT%H:%M:%S}")))
    latest = texts(xml(post(client, here, DESTRUCTION="2099-01-01T00:00:00Z")))

    assert set_to["destruction"] == f"{sooner:%Y-%m-%dT%H:%M:%S}.000000Z"
    assert latest["destruction"] < (timezone.now() + timedelta(days=30, seconds=1)).isoformat()


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("executionduration", "long"),
        ("executionduration", ""),
        ("destruction", "2020-01-01T00:00:00Z"),
        ("destruction", ""),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_named(client, pending, where, value):
    answer = post(client, f"jobs/{pending.pk}/{where}", **{where.upper(): value})

    before = (pending.execution_duration, pending.destruction)
    pending.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.json()["detail"].startswith(where.upper())
    assert (pending.execution_duration, pending.destruction) == before


def test_a_failure_is_told_as_text_and_to_tap_clients_as_a_votable(client, ada):
    job = services.submit("test.work", {}, ada)
    moves.fail(moves.claim(job.pk), QueryRejected("No column <nope>."))

    told = plain(client.get(f"{UWS}/jobs/{job.pk}/error"))
    votable = client.get(f"{UWS}/async/{job.pk}/error")

    assert told == "Service rejected the query: No column <nope>.\n"
    assert votable["Content-Type"] == "application/x-votable+xml"
    assert votable.content.decode().splitlines()[1] == (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">'
        "Service rejected the query: No column &lt;nope&gt;.</INFO></RESOURCE></VOTABLE>"
    )


@pytest.mark.parametrize("where", ["error", "results/result", "parameters/colour"])
def test_what_is_not_there_answers_404(client, pending, where):
    answer = client.get(f"{UWS}/jobs/{pending.pk}/{where}")

    assert (answer.status_code, answer.json()["slug"]) == (404, "not-found")


def test_the_parameters_are_told_as_they_came(client, pending):
    here = f"{UWS}/jobs/{pending.pk}/parameters"

    pairs = [(one.get("id"), one.text) for one in xml(client.get(here))]

    assert pairs == [("goal", "Venus"), ("rows", "3")]
    assert plain(client.get(f"{here}/ROWS")) == "3"


def test_some_parameters_are_set_and_the_others_stay(client, pending):
    answer = post(client, f"jobs/{pending.pk}/parameters", ROWS="5", bands=["u", "g"])

    pending.refresh_from_db()
    pairs = [(one.get("id"), one.text) for one in find(xml(answer), "//uws:parameter")]
    assert pairs == [("goal", "Venus"), ("ROWS", "5"), ("bands", "u"), ("bands", "g")]
    assert pending.parameters == {"goal": "Venus", "Rows": "5", "bands": ["u", "g"]}


def test_the_peer_may_be_named_later(client):
    post(client, "jobs", KIND="test.remote")
    job = Job.objects.get()

    post(client, f"jobs/{job.pk}/parameters", PEER="cluster")
    post(client, f"jobs/{job.pk}/phase", PHASE="RUN")

    job.refresh_from_db()
    assert (job.peer, job.phase) == ("cluster", "QUEUED")


@pytest.mark.parametrize("way", ["put", "form", "named"])
def test_one_parameter_is_set(client, pending, way):
    here = f"{UWS}/jobs/{pending.pk}/parameters/Goal"

    match way:
        case "put":
            answer = client.put(here, "Vesta", content_type="text/plain")
        case "form":
            answer = client.post(here, {"VALUE": "Vesta"})
        case "named":
            answer = client.post(here, {"GOAL": "Vesta"})

    pending.refresh_from_db()
    assert answer.status_code == 303
    assert pending.parameters == {"goal": "Vesta", "Rows": "3"}


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"KIND": "test.work"}, "KIND"),
        ({"type": "test.work"}, "KIND"),
        ({"PEER": "x" * 65}, "PEER"),
        ({"RESPONSEFORMAT": "image/png"}, "RESPONSEFORMAT"),
        ({"goal": "a\0b"}, "U+0000"),
    ],
)
def test_a_parameter_that_can_never_be_is_refused_and_nothing_changes(client, pending, form, word):
    answer = post(client, f"jobs/{pending.pk}/parameters", **form)

    before = pending.uws_parameters
    pending.refresh_from_db()
    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert word in answer.json()["detail"]
    assert pending.uws_parameters == before


def test_parameters_are_set_until_the_job_runs(client, pending):
    services.start(pending)

    answers = [
        post(client, f"jobs/{pending.pk}/parameters", goal="Vesta"),
        client.put(f"{UWS}/jobs/{pending.pk}/parameters/goal", "Vesta", content_type="text/plain"),
    ]

    pending.refresh_from_db()
    assert [answer.status_code for answer in answers] == [409, 409]
    assert pending.parameters["goal"] == "Venus"


def test_a_value_without_its_name_is_refused(client, pending):
    answer = client.post(f"{UWS}/jobs/{pending.pk}/parameters/goal", {"colour": "red"})

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (None, "votable"),
        ("votable", "votable"),
        ("votable/td", "votable-td"),
        ("application/x-votable+xml; serialization=TABLEDATA", "votable-td"),
        ("application/x-votable+xml;serialization=binary2", "votable"),
        ("text/csv", "csv"),
        ("text/csv;header=present", "csv"),
        ("PARQUET", "parquet"),
    ],
)
def test_a_stored_table_is_pointed_to_in_the_format_that_is_wanted(client, asked, wanted):
    post(client, "async", KIND="test.work", **({"RESPONSEFORMAT": asked} if asked else {}))
    job = services.start(Job.objects.get())
    table = Result("stars", "application/x", f"/esap-api/jobs/{job.pk}/results/stars", 900)
    moves.complete(moves.claim(job.pk), [table])

    answer = client.get(f"{UWS}/async/{job.pk}/results/result")

    assert answer.status_code == 303
    place = f"http://testserver/esap-api/jobs/{job.pk}/results/stars?format={wanted}"
    assert answer["Location"] == place


def test_anything_else_is_pointed_to_where_it_is(client, ada):
    job = services.submit("test.work", {}, ada)
    plot = Result("plot", "image/png", "https://example.org/plot.png")
    moves.complete(moves.claim(job.pk), [TABLE, plot])
    here = f"{UWS}/jobs/{job.pk}/results"

    places = [client.get(f"{here}/{name}")["Location"] for name in ("result", "plot")]

    assert places == ["http://testserver/results/stars.csv", "https://example.org/plot.png"]
    assert [one.get("id") for one in xml(client.get(here))] == ["result", "plot"]


def test_a_result_that_is_named_so_is_the_main_one(client, ada):
    job = services.submit("test.work", {}, ada)
    main = Result("result", "text/csv", "/main.csv")
    moves.complete(moves.claim(job.pk), [TABLE, main])

    listed = xml(client.get(f"{UWS}/jobs/{job.pk}/results"))

    assert [one.get("id") for one in listed] == ["result", "stars"]
    here = client.get(f"{UWS}/jobs/{job.pk}/results/result")
    assert here["Location"] == "http://testserver/main.csv"
