"""Searches whose rows are kept: in tables of their own, retried where they failed."""

import json
import time
from threading import Timer

import pyarrow as pa
import pytest
from django.test import Client

from esap.backends.deadline import within
from esap.errors import Cancelled, WrongPhase
from esap.jobs import services as jobs
from esap.jobs.models import Event, Job
from esap.results.reading import facts, rows
from esap.results.storage import find, names
from query import jobs as query_jobs
from query.federation import Columns, Outcome, Rows
from query.searches import Search
from query.storing import keeping
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap
from tests.support.stored import results_in

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 180}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    return results_in(settings, tmp_path)


@pytest.fixture
def archives(fake, tmp_path, settings):
    """Return a function that configures archives by how they behave."""

    def configure(**modes):
        folder = tmp_path / "-".join(modes.values())  # entries are read once from each file
        folder.mkdir()
        settings.ENTRY_FILES = write_entries(
            folder, [star_archive(name, fake.url(mode)) for name, mode in modes.items()]
        )

    configure(good="ok", bad="error500")
    return configure


@pytest.fixture
def ada(django_user_model, archives):
    client = Client()
    client.user = django_user_model.objects.create_user("ada")
    client.force_login(client.user)
    return client


def in_background(client, body=CONE):
    """Have a worker search, and return the job; Celery is eager here."""
    answer = client.post(
        URL, json.dumps(body), "application/json", headers={"Prefer": "respond-async"}
    )
    assert answer.status_code == 202, answer.content
    return Job.objects.get(pk=answer.json()["id"])


def begun(client):
    """Return a search that is about to ask one archive."""
    return Search.resume(jobs.begin("query.search", {**CONE, "archives": ["good"]}, client.user))


def ids(job, name="merged"):
    return rows(find(job.pk, name)).read_all()["id"].to_pylist()


def test_each_dataset_and_all_together_are_stored_and_listed_with_the_job(ada):
    job = in_background(ada)

    told = ada.get(f"/esap-api/jobs/{job.pk}").json()["results"]
    link = f"/esap-api/jobs/{job.pk}/results"
    assert [(r["name"], r["link"]) for r in told] == [
        ("merged", f"{link}/merged"),
        ("good.good-stars", f"{link}/good.good-stars"),
    ]
    assert {r["media_type"] for r in told} == {"application/vnd.apache.parquet"}
    assert [r["size"] for r in told] == [find(job.pk, r["name"]).size for r in told]
    assert len(ids(job)) == len(ids(job, "good.good-stars")) == 20


def test_the_merged_table_says_where_rows_are_from_and_how_archives_fared(ada, archives):
    archives(one="ok", two="ok", bad="error500")
    job = in_background(ada, {**CONE, "limit": 5})

    answer = ada.get(f"{URL}{job.pk}/results/", {"whole": "true"})
    body = json.loads(answer.getvalue())
    assert [row[:2] for row in body["rows"]] == [["one", "one-stars"]] * 5 + [
        ["two", "two-stars"]
    ] * 5
    assert [(a["archive"], a["status"]) for a in body["archives"]] == [
        ("one", "overflow"),
        ("two", "overflow"),
        ("bad", "error"),
    ]
    assert [problem["archive"] for problem in body["problems"]] == ["bad"]
    assert body["overflow"] is True
    assert {c["name"]: c["unit"] for c in body["columns"]}["ra"] == "deg"


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_stored_rows_are_paged_at_the_address_of_the_search(ada, slash):
    job = in_background(ada)

    merged = ada.get(f"{URL}{job.pk}/results{slash}?sort=-mag&limit=3&columns=id").json()
    part = ada.get(f"{URL}{job.pk}/results/good.good-stars{slash}?filter=id:in:1,2").json()

    assert (merged["total"], len(merged["rows"])) == (20, 3)
    assert part["matching"] == len(part["rows"]) == 2


def test_a_search_of_somebody_else_shows_no_results(ada, django_user_model):
    job = in_background(ada)
    bob = Client()
    bob.force_login(django_user_model.objects.create_user("bob"))

    others = [
        client.get(f"{URL}{job.pk}/{what}")
        for client in (bob, Client())
        for what in ("results", "results/merged", "provenance")
    ]

    assert {answer.status_code for answer in others} == {404}


def test_whom_the_owner_gave_a_link_may_read_them(ada):
    job = in_background(ada)
    token = jobs.share(job)

    answers = [
        Client().get(f"{URL}{job.pk}/{what}?share={token}") for what in ("results", "provenance")
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json()["total"] == 20


def test_a_listener_hears_the_first_rows_and_the_table_has_all(ada, monkeypatch):
    monkeypatch.setattr(query_jobs, "ROWS_MAX", 7)

    job = in_background(ada, {**CONE, "archives": ["good"]})

    told = Event.objects.filter(job=job, name="rows").values_list("data", flat=True)
    assert sum(len(data["rows"]) for data in told) == 7
    assert len(ids(job)) == 20


def test_who_is_logged_in_may_have_more_rows_than_events_carry(ada, settings):
    body = {**CONE, "archives": ["good"], "limit": settings.SEARCH_ROWS_MAX}

    job = in_background(ada, body)

    assert job.phase == "COMPLETED"


def test_a_search_of_the_gateways_own_tells_its_rows_and_stores_none(archives):
    job = jobs.submit("query.search", CONE)

    job.refresh_from_db()
    told = Event.objects.filter(job=job, name="rows").values_list("data", flat=True)
    assert sum(len(data["rows"]) for data in told) == 20
    assert (job.results, names(job.pk)) == ([], [])


def test_a_table_is_stored_before_its_outcome_is_told(ada, monkeypatch):
    seen = []

    def watched(job, name, data):
        if name == "archive":
            seen.append((data["archive"], names(job.pk)))

    monkeypatch.setattr(query_jobs, "record_event", watched)

    in_background(ada, {**CONE, "archives": ["good"]})

    assert seen == [("good", ["good.good-stars"])]


def test_rows_that_came_before_a_failure_are_kept(ada):
    search, batch = begun(ada), pa.record_batch({"id": [1, 2]})
    late = Outcome(
        0, "good", "good-stars", "timeout", "Late.", 2, 1.0, "SELECT", "", "backend-timed-out"
    )
    search.outcomes.append(late)
    columns = Columns(0, "good", "good-stars", batch.schema)

    told = list(keeping(search, iter([columns, Rows(0, "good", "good-stars", batch), late])))

    assert len(told) == 3
    assert ids(search.job) == ids(search.job, "good.good-stars") == [1, 2]
    [problem] = facts(find(search.id, "good.good-stars"))["problems"]
    assert problem["slug"] == "backend-timed-out"


def test_nothing_is_stored_of_a_dataset_whose_search_stops_halfway(ada, folder):
    search, batch = begun(ada), pa.record_batch({"id": [1, 2]})
    columns = Columns(0, "good", "s", batch.schema)
    events = keeping(search, iter([columns, Rows(0, "good", "s", batch)]))
    told = [next(events), next(events)]

    events.close()

    assert len(told) == 2
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_search_that_found_nothing_has_a_table_without_rows(ada):
    job = in_background(ada, {**CONE, "archives": ["bad"]})

    body = ada.get(f"{URL}{job.pk}/results").json()
    assert body["rows"] == []
    assert [column["name"] for column in body["columns"]] == ["archive", "dataset"]
    assert [result["name"] for result in job.results] == ["merged"]


def test_a_search_that_is_stopped_ends_and_merges_nothing(ada, archives):
    archives(slow="hang")
    job = jobs.begin("query.search", CONE, ada.user)

    with within(None) as scope:
        Timer(0.3, scope.cancel).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            query_jobs.run_search(job)

    assert time.monotonic() - began < 10
    assert names(job.pk) == []


def test_an_experts_own_query_has_a_name_too(ada):
    job = in_background(ada, {"archives": ["good"], "adql": "SELECT TOP 3 id FROM sky.stars"})

    assert names(job.pk) == ["good.adql", "merged"]


def test_more_than_may_be_stored_fails_the_search_with_the_reason(ada, settings):
    settings.RESULT_BYTES = 100

    job = in_background(ada)

    assert job.phase == "ERROR"
    assert job.problem["slug"] == "too-large"


def test_a_retry_asks_only_the_archives_that_failed_and_merges_their_rows(ada, archives, fake):
    job = in_background(ada)
    first = ids(job)
    archives(good="error500", bad="ok")
    asked_before = len(fake.requests)

    jobs.retry(job)

    job.refresh_from_db()
    paths = {request.path for request in list(fake.requests)[asked_before:]}
    assert job.phase == "COMPLETED"
    assert all("error500" not in path for path in paths)
    assert ids(job) == [*first, *ids(job, "bad.bad-stars")]
    told = ada.get(f"{URL}{job.pk}").json()["archives"]
    assert sorted((a["archive"], a["status"]) for a in told) == [("bad", "ok"), ("good", "ok")]
    assert [result["name"] for result in job.results] == [
        "merged",
        "good.good-stars",
        "bad.bad-stars",
    ]


def test_a_retry_tells_whom_it_asks(ada, archives):
    job = in_background(ada)

    jobs.retry(job)

    begun = Event.objects.filter(job=job, name="search").order_by("id")
    assert [[asked["archive"] for asked in event.data["asked"]] for event in begun] == [
        ["good", "bad"],
        ["bad"],
    ]


def test_a_search_in_which_nothing_failed_is_not_retried(ada):
    job = in_background(ada, {**CONE, "archives": ["good"]})

    with pytest.raises(WrongPhase):
        jobs.retry(job)


def test_a_worker_that_takes_over_does_not_ask_again_who_has_answered(ada, archives, monkeypatch):
    archives(one="ok", two="ok")
    job = jobs.submit("query.search", CONE, ada.user, pending=True)
    gone = RuntimeError("the worker is gone")

    def dying(job, name, data):
        jobs.record_event(job, name, data)
        if name == "archive":
            raise gone

    Job.objects.filter(pk=job.pk).update(phase="EXECUTING")
    monkeypatch.setattr(query_jobs, "record_event", dying)
    with pytest.raises(RuntimeError):
        query_jobs.run_search(job)
    monkeypatch.undo()

    search = Search.resume(job)

    [answered] = [outcome.archive for outcome in search.outcomes]
    [asked] = [asked["archive"] for asked in search.beginning()["asked"]]
    assert {answered, asked} == {"one", "two"}


def test_the_history_is_found_by_what_was_asked(ada):
    for target in ("Änderung", "Ünter", 'quo"te', "100%", "plain"):
        jobs.begin("query.search", {"target": target}, ada.user)

    def found(text):
        answer = ada.get(URL, {"text": text}).json()
        return [search["asked"]["target"] for search in answer["results"]]

    assert found("nderung") == ["Änderung"]
    assert found("Ünt") == ["Ünter"]
    assert found('o"t') == ['quo"te']
    assert found("PLAIN") == ["plain"]
    assert found("0%") == ["100%"]
    assert found("%") == ["100%"]
    assert found("_") == []
    assert found("nothing of that") == []


def test_pages_of_the_history_keep_to_what_was_looked_for(ada):
    for number in range(5):
        jobs.begin("query.search", {"target": f"M{number}" if number % 2 else "other"}, ada.user)

    first = ada.get(URL, {"text": "other", "limit": 2}).json()
    second = ada.get(first["next"]).json()

    assert [s["asked"]["target"] for s in first["results"] + second["results"]] == ["other"] * 3


@pytest.mark.parametrize("query", ["txt=M31", "limit=0", "limit=many", f"text={'x' * 201}"])
def test_what_the_history_cannot_be_asked_is_a_problem(ada, query):
    assert ada.get(f"{URL}?{query}").status_code == 400


def test_the_history_tells_what_each_archive_was_sent_and_when(ada):
    in_background(ada, {**CONE, "archives": ["good"]})

    [search] = ada.get(URL).json()["results"]

    [outcome] = search["archives"]
    assert outcome["query"].startswith("SELECT TOP 1001 ")
    assert (outcome["title"], outcome["protocol"], outcome["language"]) == (
        "Good",
        "IVOA TAP",
        "ADQL",
    )
    assert outcome["started"] <= outcome["ended"]
    assert search["provenance"] == f"{URL}{search['id']}/provenance"
    assert search["results"][0]["name"] == "merged"
