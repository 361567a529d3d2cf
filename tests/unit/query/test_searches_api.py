"""Searches, from the caller's side."""

import io
import json
import re

import orjson
import pyarrow.ipc
import pyarrow.parquet
import pytest
from astropy.io.votable import parse_single_table
from django.test import Client

from esap.jobs.models import Job
from query import holding
from query.jobs import without_nul
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
def archives(fake, tmp_path, settings):
    settings.ENTRY_FILES = write_entries(
        tmp_path,
        [
            star_archive("good", fake.url()),
            star_archive("bad", fake.url("error500")),
        ],
    )
    results_in(settings, tmp_path)


@pytest.fixture
def ada(django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def search(body=CONE, accept="application/json", client=None, **headers):
    return (client or Client()).post(
        URL, json.dumps(body), "application/json", HTTP_ACCEPT=accept, **headers
    )


def content(response) -> bytes:
    return response.getvalue() if response.streaming else response.content


def test_a_merged_answer_has_rows_columns_and_how_each_archive_answered() -> None:
    response = search()

    answer = json.loads(content(response))
    assert response.status_code == 200
    assert [column["name"] for column in answer["columns"]][:4] == [
        "archive",
        "dataset",
        "id",
        "name",
    ]
    assert len(answer["rows"]) == 20
    assert answer["rows"][0][:2] == ["good", "good-stars"]
    assert [(a["archive"], a["status"], a["rows"]) for a in answer["archives"]] == [
        ("good", "ok", 20),
        ("bad", "error", 0),
    ]
    assert [problem["slug"] for problem in answer["problems"]] == ["backend-failed"]
    assert answer["archives"][0]["query"].startswith("SELECT TOP ")


def test_a_search_where_every_archive_fails_is_still_an_answer() -> None:
    response = search({**CONE, "archives": ["bad"]})

    answer = json.loads(content(response))
    assert response.status_code == 200
    assert answer["rows"] == []
    assert len(answer["problems"]) == 1


def test_ndjson_tells_events_as_they_happen() -> None:
    response = search(accept="application/x-ndjson")

    events = [json.loads(line) for line in content(response).splitlines()]
    assert response["Content-Type"] == "application/x-ndjson"
    assert events[0]["event"] == "search"
    assert events[0]["asked"] == [
        {"archive": "good", "dataset": "good-stars"},
        {"archive": "bad", "dataset": "bad-stars"},
    ]
    assert events[-1]["event"] == "end"
    assert events[-1]["rows_total"] == 20
    assert sum(len(e["rows"]) for e in events if e["event"] == "rows") == 20
    assert {(e["archive"], e["status"]) for e in events if e["event"] == "archive"} == {
        ("good", "ok"),
        ("bad", "error"),
    }


@pytest.mark.parametrize("serialization", ["votable", "votable-td"])
def test_a_votable_is_read_by_astropy_with_units_and_outcomes(serialization) -> None:
    response = search({**CONE, "limit": 5}, accept="*/*", QUERY_STRING=f"format={serialization}")

    body = content(response)
    table = parse_single_table(io.BytesIO(body))
    assert response["Content-Type"].startswith("application/x-votable+xml")
    assert response["Content-Disposition"] == 'attachment; filename="esap-search.vot"'
    assert len(table.array) == 5
    assert table.get_field_by_id_or_name("ra").unit == "deg"
    assert b'value="OVERFLOW"' in body
    assert b"backend-failed" in body


def test_csv_parquet_and_arrow_hold_the_same_rows() -> None:
    csv = content(search(accept="text/csv")).decode()
    file = pyarrow.parquet.ParquetFile(
        io.BytesIO(content(search(accept="application/vnd.apache.parquet")))
    )
    parquet = file.read()
    arrow = pyarrow.ipc.open_stream(
        content(search(accept="application/vnd.apache.arrow.stream"))
    ).read_all()

    assert len(csv.splitlines()) == 21
    assert csv.splitlines()[0].startswith("archive,dataset,id,name,ra,dec")
    assert parquet.column("id").to_pylist() == arrow.column("id").to_pylist()
    assert parquet.num_rows == 20
    assert b"backend-failed" in b"".join(file.metadata.metadata.values())


def test_a_search_leaves_a_job_with_its_outcomes() -> None:
    response = search()

    link = response["Link"]
    content(response)
    told = Client().get(link[1 : link.index(">")]).json()
    job = Job.objects.get()
    assert told["id"] == str(job.pk)
    assert told["phase"] == job.phase == "COMPLETED"
    assert told["asked"] == CONE
    assert {(a["archive"], a["status"]) for a in told["archives"]} == {
        ("good", "ok"),
        ("bad", "error"),
    }


def test_a_client_that_stops_reading_aborts_the_job() -> None:
    response = search(accept="application/x-ndjson")
    next(iter(response.streaming_content))

    response.close()

    assert Job.objects.get().phase == "ABORTED"


def test_a_search_may_be_left_to_a_worker_and_followed_by_id(ada) -> None:
    response = search(client=ada, HTTP_PREFER="respond-async")

    job = Job.objects.get()
    assert response.status_code == 202
    assert response["Location"].rstrip("/") == f"/esap-api/jobs/{job.pk}"
    assert job.phase == "COMPLETED"  # Celery is eager here
    names = list(job.events.values_list("name", flat=True))
    assert sorted(name for name in names if name != "phase") == [
        "archive",
        "archive",
        "columns",
        "end",
        "result",
        "result",
        "rows",
        "search",
    ]
    assert ada.get(f"{URL}{job.pk}").json()["archives"][0]["query"].startswith("SELECT")


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"ra": 10}, "dec: a position needs both ra and dec."),
        ([], "Send a JSON object"),
        ({**CONE, "archives": ["nowhere"]}, "There is no 'nowhere' among the archives"),
    ],
)
@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
def test_what_cannot_be_asked_is_a_problem_in_every_format(body, detail, accept) -> None:
    response = search(body, accept=accept)

    assert response.status_code in (400, 404)
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"].startswith(detail)
    assert Job.objects.count() == 0


def test_a_body_that_is_not_json_is_a_problem() -> None:
    response = Client().post(URL, b"{target: M31}", "application/json")

    assert (response.status_code, response.json()["slug"]) == (400, "invalid-request")


def test_a_format_that_is_not_there_is_refused_before_anything_is_asked(fake) -> None:
    before = len(fake.requests)

    response = search(accept="image/png")

    assert (response.status_code, response.json()["slug"]) == (406, "not-acceptable")
    assert len(fake.requests) == before


def test_only_so_many_searches_run_at_once_for_one_caller(settings) -> None:
    settings.SEARCHES_IN_FLIGHT = 1
    first = search(accept="application/x-ndjson")

    second = search()
    first.close()
    third = search()
    third.close()

    assert (second.status_code, second.json()["slug"]) == (429, "too-many-requests")
    assert second["Retry-After"] == "1"
    assert third.status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("query?archive_uri=good&ra=56.75&dec=24.12&fov=1", 200),
        ("cone/good-stars?RA=56.75&DEC=24.12&SR=1", 200),
        ("get-sky-coordinates?target_name=M31", 404),  # no resolver is configured here
        ("get-tables-fields?dataset_uri=good-stars", 200),
    ],
)
def test_there_is_no_way_around_the_limit(settings, path, status) -> None:
    settings.SEARCHES_IN_FLIGHT = 1
    unread = search()

    refused = Client().get(f"/esap-api/query/{path}")
    unread.close()
    allowed = Client().get(f"/esap-api/query/{path}")

    assert (refused.status_code, allowed.status_code) == (429, status)
    allowed.close()


def test_a_browser_gets_a_page_with_the_answer() -> None:
    response = search({**CONE, "limit": 1}, accept="text/html")

    assert response["Content-Type"].startswith("text/html")
    assert b"good-stars" in response.content


def test_a_users_searches_are_listed_to_them_alone(django_user_model) -> None:
    ada, bob = (Client(), Client())
    ada.force_login(django_user_model.objects.create_user("ada"))
    bob.force_login(django_user_model.objects.create_user("bob"))
    content(ada.post(URL, json.dumps(CONE), "application/json"))
    content(Client().post(URL, json.dumps(CONE), "application/json"))

    [mine] = ada.get(URL).json()["results"]

    assert mine["asked"] == CONE
    assert bob.get(URL).json() == {"results": [], "next": None}
    assert Client().get(URL).json() == {"results": [], "next": None}
    assert bob.get(f"{URL}{mine['id']}").status_code == 404


def test_a_forged_cursor_is_a_problem(django_user_model) -> None:
    ada = Client()
    ada.force_login(django_user_model.objects.create_user("ada"))

    for cursor in ("WyJhYmMiLCJ4Il0", "e30", "NQ", "?"):
        response = ada.get(URL, {"cursor": cursor})
        assert (response.status_code, response.json()["slug"]) == (400, "invalid-request"), cursor


def test_the_form_of_the_browsable_page_searches_as_it_stands() -> None:
    page = Client().get(URL, HTTP_ACCEPT="text/html").content.decode()
    form = page[page.index('id="post-object-form"') :].partition("</form>")[0]
    field = r'<(?:input|textarea|select)[^>]*? name="(\w+)"(?:[^>]*? value="([^"]*)")?'
    said = dict(re.findall(field, form))

    response = Client().post(URL, {**said, "position": "56.75 24.12", "archives": "good, bad"})

    assert "<h1>Search</h1>" in page
    assert {"csrfmiddlewaretoken", "archives", "datasets", "mode", "adql"} <= said.keys()
    assert [name for name, value in said.items() if value] == ["csrfmiddlewaretoken"]
    assert response.status_code == 200
    assert [a["archive"] for a in json.loads(content(response))["archives"]] == ["good", "bad"]


@pytest.mark.parametrize("accept", ["application/json", "application/vnd.apache.parquet"])
def test_more_rows_than_can_be_held_are_refused_and_the_search_ends(monkeypatch, accept) -> None:
    monkeypatch.setattr(holding, "MOST_BYTES", 1_000)

    refused = search(accept=accept)
    streamed = search(accept="application/x-ndjson")

    assert (refused.status_code, refused.json()["slug"]) == (413, "too-large")
    assert "application/x-ndjson" in refused.json()["detail"]
    assert content(streamed).count(b'"event":"rows"') == 1
    assert sorted(Job.objects.values_list("phase", flat=True)) == ["ABORTED", "COMPLETED"]


@pytest.mark.parametrize("text", ["a\0b", "\0\0", "\\\0", "\\u0000", "\\\\u0000", "plain"])
def test_what_is_stored_of_a_search_has_no_nul_and_is_else_the_same(text) -> None:
    stored = orjson.loads(without_nul(orjson.dumps([text])))

    assert stored == [text.replace("\0", "\ufffd")]
