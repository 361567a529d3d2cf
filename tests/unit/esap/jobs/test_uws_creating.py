"""Jobs made by UWS: pending or run at once, of any kind, in its words or in those of a standard."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from esap.jobs.models import Job
from tests.unit.esap.jobs import kinds
from tests.unit.esap.jobs.clients import logged_in
from tests.unit.esap.jobs.uws import UWS, find, post, texts, xml

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kinds_of_uws(settings, test_kinds):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.uws_kinds.KINDS"]
    settings.UWS_KIND = "test.errand"


@pytest.fixture
def client(ada):
    return logged_in(ada)


@pytest.mark.parametrize("face", ["jobs", "jobs/", "async", "async/"])
def test_a_job_is_pending_and_stays_below_the_list_that_it_was_posted_to(client, ada, face):
    answer = post(client, face, goal="Venus")

    job = Job.objects.get()
    assert answer.status_code == 303
    assert answer["Location"] == f"http://testserver{UWS}/{face.rstrip('/')}/{job.pk}"
    assert texts(xml(answer))["phase"] == "PENDING"
    assert (job.owner, job.kind, job.phase) == (ada, "test.errand", "PENDING")
    assert job.parameters == {"goal": "Venus"}


def test_a_job_may_be_run_at_once(client, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = post(client, "jobs", PHASE="RUN", GOAL="Venus", rOWS="3", BANDS=["u", "g"])

    job = Job.objects.get()
    assert answer.status_code == 303
    assert job.phase == "COMPLETED"
    assert job.parameters == {"goal": "Venus", "Rows": 3, "bands": ["u", "g"]}


def test_without_a_login_no_job_is_made():
    answer = post(APIClient(), "jobs", GOAL="Venus")

    assert (answer.status_code, answer.json()["slug"]) == (401, "login-required")
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["KIND", "kind", "type"])
def test_the_kind_is_named_in_the_standards_way_or_in_the_published_one(client, name):
    post(client, "jobs", **{name: "test.wish", "ROWS": "3", "PHASE": "RUN"})

    job = Job.objects.get()
    assert (job.kind, job.phase, job.parameters) == ("test.wish", "QUEUED", {"rows": 3})


def test_a_kind_that_has_a_parameter_called_type_keeps_it(client):
    post(client, "jobs", KIND="test.work", type="dark")

    assert Job.objects.get().parameters == {"type": "dark"}


def test_a_kind_may_be_spoken_of_in_the_words_of_a_standard(client):
    post(client, "jobs", KIND="test.spoken", GOAL="Venus", MAXREC="7", PHASE="RUN")

    assert Job.objects.get().parameters == {"goal": "Venus", "Rows": 7, "bands": []}


def test_what_is_a_text_stays_one(client):
    post(client, "jobs", goal='["not", "a list"]')

    assert Job.objects.get().parameters == {"goal": '["not", "a list"]'}


def test_lists_and_objects_are_written_in_json(client):
    post(client, "jobs", KIND="test.work", box='{"ra": [1, 2]}', note="[not json")

    assert Job.objects.get().parameters == {"box": {"ra": [1, 2]}, "note": "[not json"}


def test_what_every_job_has_is_set_at_once_and_is_no_parameter(client):
    answer = post(
        client,
        "jobs",
        RUNID="mine",
        EXECUTIONDURATION="60",
        DESTRUCTION="2099-01-01",
        goal="Venus",
        RESPONSEFORMAT="csv",
    )

    told = texts(xml(answer))
    assert (told["runId"], told["executionDuration"]) == ("mine", "60")
    pairs = [(p.get("id"), p.text) for p in find(xml(answer), "//uws:parameter")]
    assert pairs == [("goal", "Venus"), ("RESPONSEFORMAT", "csv")]
    assert Job.objects.get().parameters == {"goal": "Venus"}


def test_the_peer_of_a_kind_that_runs_at_several_is_named(client):
    post(client, "jobs", KIND="test.remote", PEER="cluster", PHASE="RUN")

    job = Job.objects.get()
    assert (job.peer, job.phase) == ("cluster", "QUEUED")


@pytest.mark.parametrize(
    ("form", "word"),
    [
        ({"KIND": "echo"}, "echo"),
        ({"KIND": "test.parts"}, "sum of others"),
        ({"PHASE": "ABORT"}, "PHASE"),
        ({"RUNID": "x" * 65}, "RUNID"),
        ({"PEER": "x" * 65}, "PEER"),
        ({"RESPONSEFORMAT": "image/png"}, "RESPONSEFORMAT"),
        ({"EXECUTIONDURATION": "-1"}, "EXECUTIONDURATION"),
        ({"EXECUTIONDURATION": "2147483648"}, "EXECUTIONDURATION"),
        ({"DESTRUCTION": "soon"}, "DESTRUCTION"),
        ({"DESTRUCTION": "2020-01-01T00:00:00Z"}, "DESTRUCTION"),
        ({"DESTRUCTION": "0001-01-01T00:00:00+14:00"}, "DESTRUCTION"),
        ({"goal": "a\0b"}, "U+0000"),
        ({"KIND": "test.spoken", "GOAL": "nobody"}, "ada is somebody"),
    ],
)
def test_what_can_never_be_done_is_refused_and_named(client, form, word):
    answer = post(client, "jobs", **form)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert word in answer.json()["detail"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "goal: Field required."),
        ({"goal": "Venus", "rows": "many"}, "Rows: Input should be a valid integer"),
        ({"goal": "Venus", "colour": "red"}, "colour: Extra inputs are not permitted."),
        ({"goal": "Mars"}, "There is no way to Mars for ada."),
        ({"KIND": "test.remote"}, "peer: say at which peer"),
    ],
)
def test_what_turns_out_wrong_when_it_is_to_run_is_an_error_of_the_job(client, form, message):
    answer = post(client, "jobs", PHASE="RUN", **form)

    job = Job.objects.get()
    assert answer.status_code == 303
    assert texts(xml(answer))["phase"] == "ERROR"
    (told,) = find(xml(answer), "//uws:errorSummary/uws:message/text()")
    assert told.startswith(message)
    assert [event.data.get("phase") for event in job.events.filter(name="phase")] == [
        "PENDING",
        "QUEUED",
        "ERROR",
    ]


def test_a_file_is_refused(client):
    table = SimpleUploadedFile("table.xml", b"<VOTABLE/>", "text/xml")

    answer = post(client, "jobs", UPLOAD="t,param:t", t=table)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert not Job.objects.exists()


@pytest.mark.parametrize("body", [{"parameters": [1]}, {"parameters": "x"}, [1], "x"])
def test_a_body_in_json_that_has_no_parameters_is_refused(client, body):
    answer = client.post(f"{UWS}/jobs", body, format="json")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert not Job.objects.exists()


def test_the_same_request_with_the_same_key_makes_one_job_and_runs_it_once(
    client, django_capture_on_commit_callbacks
):
    form = {"goal": "Venus", "PHASE": "RUN"}
    with django_capture_on_commit_callbacks(execute=True):
        answers = [
            client.post(f"{UWS}/jobs", form, headers={"Idempotency-Key": "k"}) for _ in range(2)
        ]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0]["Location"] == answers[1]["Location"]
    assert kinds.calls == [str(Job.objects.get().pk)]


def test_another_request_with_that_key_is_refused(client):
    client.post(f"{UWS}/jobs", {"goal": "Venus"}, headers={"Idempotency-Key": "k"})

    answer = client.post(f"{UWS}/jobs", {"goal": "Vesta"}, headers={"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["slug"]) == (422, "key-reused")
    assert Job.objects.count() == 1


def test_pending_jobs_count_and_every_answer_says_how_many_more_there_may_be(client, settings):
    settings.JOBS_IN_FLIGHT, settings.JOBS_LIMITS = 2, {}

    answers = [post(client, "jobs", goal="Venus") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [303, 303, 429]
    assert [answer["RateLimit"] for answer in answers] == [
        '"jobs";r=1',
        '"jobs";r=0',
        '"jobs";r=0;t=10',
    ]
