"""Archives that do not answer a search in time: what came is told, and a worker goes on."""

import json
import re

import pyarrow.parquet
import pytest
from astropy.io.votable import parse
from django.test import Client

from esap.jobs import services as jobs
from esap.jobs.models import Job
from esap.results.reading import rows
from esap.results.storage import find
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap
from tests.support.stored import results_in
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 180, "timeout": 0.5}
SLOW = 1.5


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture
def archives(fake, tmp_path, settings):
    """Return a function that configures archives by their addresses."""
    results_in(settings, tmp_path)

    def configure(**urls):
        folder = tmp_path / "-".join(urls)  # entries are read once from each file
        folder.mkdir()
        entries = [star_archive(name, url, async_after=1e6) for name, url in urls.items()]
        settings.ENTRY_FILES = write_entries(folder, entries)

    configure(good=fake.url(), slow=fake.url(latency=SLOW))
    return configure


@pytest.fixture
def ada(django_user_model, archives):
    client = Client()
    client.user = django_user_model.objects.create_user("ada")
    client.force_login(client.user)
    return client


def search(client, body=CONE, accept="application/json", **headers):
    headers = {"accept": accept, **headers}
    answer = client.post(URL, json.dumps(body), "application/json", headers=headers)
    answer.body = answer.getvalue() if answer.streaming else answer.content
    return answer


def went_on():
    """Return the job that goes on; Celery is eager here, so that it has ended."""
    return Job.objects.order_by("-created")[0]


def told_of(job):
    return {
        "search": str(job.pk),
        "job": f"/esap-api/jobs/{job.pk}",
        "events": f"{URL}{job.pk}/events",
        "asked": [{"archive": "slow", "dataset": "slow-stars"}],
        "detail": "Slow did not answer within 0.5 s, and is asked on in the background, for up to "
        "3600 s.",
    }


def test_what_came_is_told_and_the_archive_that_was_late_goes_on_as_a_job(ada):
    answer = json.loads(search(ada).body)

    job = went_on()
    assert [(a["archive"], a["status"], a["rows"]) for a in answer["archives"]] == [
        ("good", "ok", 20),
        ("slow", "timeout", 0),
    ]
    assert {row[0] for row in answer["rows"]} == {"good"}
    assert answer["continued"] == told_of(job)
    assert (job.owner, job.phase, job.kind) == (ada.user, "COMPLETED", "query.search")
    assert job.parameters == {
        **CONE, "archives": ["slow"], "datasets": ["slow-stars"], "timeout": 3600.0,
    }  # fmt: skip
    [outcome] = job.events.filter(name="archive").values_list("data", flat=True)
    assert (outcome["archive"], outcome["status"], outcome["rows"]) == ("slow", "ok", 20)
    assert len(rows(find(job.pk, "merged")).read_all()) == 20


def test_the_last_line_of_a_stream_says_where_it_goes_on(ada):
    *_, end = map(json.loads, search(ada, accept="application/x-ndjson").body.splitlines())

    assert end["event"] == "end"
    assert end["continued"] == told_of(went_on())
    assert [problem["slug"] for problem in end["problems"]] == ["backend-timed-out"]


def test_a_votable_says_it_in_an_info(ada, tmp_path):
    file = tmp_path / "answer.vot"

    file.write_bytes(search(ada, accept="application/x-votable+xml").body)

    infos = {info.name: info.value for info in parse(str(file)).resources[0].infos}
    assert json.loads(infos["continued"]) == told_of(went_on())


def test_parquet_says_it_in_the_metadata_of_the_file(ada, tmp_path):
    file = tmp_path / "answer.parquet"

    file.write_bytes(search(ada, accept="application/vnd.apache.parquet").body)

    facts = pyarrow.parquet.read_metadata(file).metadata
    assert json.loads(facts[b"continued"]) == told_of(went_on())


@pytest.mark.parametrize("accept", ["text/csv", "application/vnd.apache.arrow.stream"])
def test_a_format_without_room_for_it_says_it_in_the_header_and_at_the_searches_address(
    ada, accept
):
    answer = search(ada, accept=accept)

    job = went_on()
    here = re.match(r"<([^>]+)>", answer["Link"])[1]
    assert (
        answer["Link"] == f'<{here}>; rel="describedby", </esap-api/jobs/{job.pk}>; rel="monitor"'
    )
    assert ada.get(here).json()["continued"] == told_of(job)


def test_without_a_login_nobody_is_asked_on_and_the_answer_says_what_would_help(archives):
    answer = search(Client())

    body = json.loads(answer.body)
    assert body["continued"] is None
    assert body["problems"][0]["detail"].endswith(
        " Log in, and such an archive is asked on in the background."
    )
    assert "monitor" not in answer["Link"]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("mode", ["ok", "error500", "error400"])
def test_an_archive_that_answered_or_failed_is_not_asked_on(ada, archives, fake, mode):
    archives(good=fake.url(), other=fake.url(mode))

    answer = json.loads(search(ada).body)

    assert answer["continued"] is None
    assert Job.objects.count() == 1


def test_rows_that_came_before_the_end_of_the_time_are_in_the_answer(ada, archives, fake):
    archives(slow=fake.url("drip", pause=0.001))

    answer = json.loads(search(ada, {**CONE, "limit": 3}).body)

    [outcome] = answer["archives"]
    assert outcome["status"] == "timeout"
    assert outcome["rows"] == len(answer["rows"])
    assert went_on().events.get(name="archive").data["status"] == "overflow"


def test_a_worker_has_the_archive_run_a_job_of_its_own_where_it_can(ada, fake, settings, tmp_path):
    slow = star_archive("slow", fake.url(latency=SLOW / 2), async_after=300)
    settings.ENTRY_FILES = write_entries(tmp_path, [slow])
    before = len(fake.asked("/async"))

    answer = json.loads(search(ada).body)

    assert answer["archives"][0]["status"] == "timeout"
    assert went_on().events.get(name="archive").data["status"] == "ok"
    assert len(fake.asked("/async")) == before + 1
    assert wait_for(fake.is_let_go, 20)


def test_adql_goes_on_with_its_one_archive(ada):
    asked = {"adql": "SELECT id FROM sky.stars", "archives": ["slow"], "timeout": 0.5}

    answer = json.loads(search(ada, asked).body)

    job = went_on()
    assert answer["continued"]["job"] == f"/esap-api/jobs/{job.pk}"
    assert (job.phase, job.parameters) == ("COMPLETED", {**asked, "timeout": 3600.0})


def test_who_may_have_no_more_jobs_is_told_so_and_has_the_answer_still(ada, settings):
    settings.JOBS_IN_FLIGHT, settings.JOBS_LIMITS = 1, {}

    answer = json.loads(search(ada).body)

    assert {row[0] for row in answer["rows"]} == {"good"}
    assert answer["continued"] == {
        "search": None,
        "job": None,
        "events": None,
        "asked": [{"archive": "slow", "dataset": "slow-stars"}],
        "detail": "Nobody is asked on. You have 1 job under way; 1 is all that is allowed at "
        "once. Wait for one to end, or abort it.",
    }
    assert Job.objects.count() == 1


def test_a_worker_that_would_have_no_more_time_is_not_troubled(ada, settings):
    settings.SEARCH_JOB_TIMEOUT = 0.5

    assert json.loads(search(ada).body)["continued"] is None
    assert Job.objects.count() == 1


def test_a_caller_who_leaves_is_not_asked_on_for(ada):
    body = json.dumps(CONE)
    headers = {"accept": "application/x-ndjson"}
    answer = ada.post(URL, body, "application/json", headers=headers)

    answer.close()

    assert [job.phase for job in Job.objects.all()] == ["ABORTED"]


def test_a_search_that_was_aborted_meanwhile_does_not_go_on(ada):
    lines = iter(
        ada.post(
            URL, json.dumps(CONE), "application/json", headers={"accept": "application/x-ndjson"}
        )
    )
    next(lines)
    jobs.abort(Job.objects.get())

    end = json.loads(list(lines)[-1])

    assert end["continued"] is None
    assert [job.phase for job in Job.objects.all()] == ["ABORTED"]


@pytest.mark.parametrize(("timeout", "status"), [(3600, 202), (3600.5, 400)])
def test_a_search_in_the_background_may_take_longer_than_one_that_is_waited_for(
    ada, timeout, status
):
    body = {**CONE, "archives": ["good"], "timeout": timeout}

    assert search(ada, body, prefer="respond-async").status_code == status
    assert search(ada, body).status_code == 400
