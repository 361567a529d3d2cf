"""Stored results, from the caller's side."""

import csv
import io
import json
from uuid import uuid4

import pyarrow as pa
import pytest
from astropy.io.votable import parse_single_table
from django.test import Client
from pyarrow import ipc, parquet

from esap.jobs import services
from esap.results import answers, reading
from esap.results.writing import store
from esap.tables.stream import TableStream
from tests.unit.esap.results.conftest import COLUMNS, ROWS

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(django_user_model):
    client = Client()
    client.user = django_user_model.objects.create_user("ada")
    client.force_login(client.user)
    return client


@pytest.fixture
def job(ada, folder):
    job = services.begin("query.search", {}, ada.user)
    table = pa.table(ROWS, schema=pa.schema([column.field() for column in COLUMNS]))
    cut = TableStream(table.schema, table.to_batches(), overflowed=lambda: True)
    store(job.pk, "merged", cut, {"archives": [{"archive": "a"}]})
    return job


@pytest.fixture
def url(job):
    return f"/esap-api/jobs/{job.pk}/results/merged"


def test_json_is_a_page_with_columns_rows_and_counts(ada, url):
    answer = ada.get(url, {"limit": 2, "columns": "name,mag"})

    assert answer.status_code == 200
    body = answer.json()
    assert [(c["name"], c["unit"]) for c in body["columns"]] == [("name", None), ("mag", "mag")]
    assert body["rows"] == [["M31", 3.4], ["m33", 5.7]]
    assert (body["total"], body["matching"], body["overflow"]) == (6, 6, True)
    assert answer["Link"] == f'<{body["next"]}>; rel="next"'
    assert answer["Cache-Control"] == "no-store"


def test_next_leads_to_the_last_row_with_the_same_question(ada, url):
    rows, following = [], f"{url}?sort=-mag,name&filter=mag:lt:12&filter=name:contains:m&limit=1"
    while following:
        body = ada.get(following).json()
        rows += body["rows"]
        following = body["next"]

    assert [row[0] for row in rows] == ["m33", "M31"]
    assert body["matching"] == 2


def test_a_whole_table_comes_in_json_if_asked_for(ada, url):
    body = json.loads(ada.get(url, {"whole": "true", "filter": "mag:lt:6"}).getvalue())

    assert len(body["rows"]) == 3
    assert body["archives"] == [{"archive": "a"}]
    assert (body["total"], body["matching"], body["next"]) == (6, 3, None)


def test_every_format_has_the_same_rows_by_the_same_filters(ada, url):
    asked = {"filter": "mag:lt:6", "sort": "mag,name", "columns": "name"}
    expected = ["M31", "O'Hara; DROP TABLE x --", "m33"]

    def content(wanted):
        return ada.get(url, {**asked, "format": wanted}).getvalue()

    text = list(csv.reader(io.StringIO(content("csv").decode())))
    lines = [json.loads(line) for line in content("ndjson").splitlines()]
    assert [row[0] for row in text[1:]] == expected
    assert [line["name"] for line in lines] == expected
    assert json.loads(content("json-columns"))["data"]["name"] == expected
    assert parquet.read_table(io.BytesIO(content("parquet")))["name"].to_pylist() == expected
    assert ipc.open_stream(content("arrow")).read_all()["name"].to_pylist() == expected
    for votable in ("votable", "votable-td"):
        table = parse_single_table(io.BytesIO(content(votable)))
        assert list(table.array["name"]) == expected


def test_a_votable_tells_units_and_that_there_was_more(ada, url):
    answer = ada.get(url, HTTP_ACCEPT="application/x-votable+xml")
    body = answer.getvalue()

    table = parse_single_table(io.BytesIO(body))
    assert table.get_field_by_id_or_name("mag").ucd == "phot.mag"
    assert table.get_field_by_id_or_name("mag").unit == "mag"
    assert b'value="OVERFLOW"' in body
    assert answer["Content-Disposition"] == 'attachment; filename="merged.vot"'


def test_parquet_is_the_file_as_it_is_stored(ada, url, folder, job):
    answer = ada.get(url, {"format": "parquet"})

    stored = (folder / str(job.pk) / "merged.parquet").read_bytes()
    assert answer.getvalue() == stored
    assert answer["Content-Length"] == str(len(stored))
    assert answer["Content-Disposition"] == 'attachment; filename="merged.parquet"'


def test_other_formats_come_in_pages_too(ada, url):
    answer = ada.get(url, {"format": "csv", "limit": 2})

    assert answer.content.decode().splitlines()[1:] == ["M31,3.4,0.1,1,true", "m33,5.7,0.2,2,true"]
    assert "cursor=" in answer["Link"]


def test_a_browser_gets_a_page_for_people(ada, url):
    answer = ada.get(url, HTTP_ACCEPT="text/html")

    assert answer["Content-Type"].startswith("text/html")
    assert b"M31" in answer.content


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("column=ra", "column: not a parameter of a result. There are: columns, cursor, filter,"),
        ("columns=dec", "columns: there is no column 'dec'. There are: name, mag, g, n, bright."),
        ("sort=dec", "sort: there is no column 'dec'."),
        ("filter=mag:near:1", "filter: 'near' is no operator;"),
        ("filter=mag:lt:nan", "filter: mag is compared with a number, not 'nan'."),
        ("limit=0", "limit: '0' is no number of rows from 1 to 10000;"),
        ("limit=10001", "limit: '10001' is no number"),
        ("limit=-1", "limit: '-1' is no number"),
        ("limit=9999999999999", "limit: '9999999999999' is no number"),
        ("limit=%C2%B2", "limit: '²' is no number"),
        ("whole=perhaps", "whole: 'perhaps' is neither true nor false."),
        ("whole=true&limit=3", "whole: all rows are one answer;"),
        ("cursor=nonsense", "cursor: take it from the 'next' of the page before."),
    ],
)
def test_what_cannot_be_asked_is_a_problem_that_says_what_can(ada, url, query, detail):
    answer = ada.get(f"{url}?{query}")

    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].startswith(detail)


@pytest.mark.parametrize("name", ["other", "a.b", "not-there"])
def test_a_table_that_is_not_stored_is_not_found(ada, job, name):
    answer = ada.get(f"/esap-api/jobs/{job.pk}/results/{name}")

    assert (answer.status_code, answer.json()["slug"]) == (404, "not-found")


def test_nobody_else_sees_it(url, django_user_model):
    bob = Client()
    bob.force_login(django_user_model.objects.create_user("bob"))

    answers_of_others = [bob.get(url), Client().get(url)]

    assert [answer.status_code for answer in answers_of_others] == [404, 404]


def test_so_many_downloads_run_at_once_and_a_page_still_comes(ada, url, monkeypatch):
    monkeypatch.setattr(answers, "MOST_DOWNLOADS", 2)
    unread = [ada.get(url, {"format": wanted}) for wanted in ("csv", "parquet")]

    refused = ada.get(url, {"format": "votable"})
    page = ada.get(url)
    for answer in unread:
        answer.close()
    allowed = ada.get(url, {"format": "votable"})

    assert (refused.status_code, refused.json()["slug"]) == (429, "too-many-requests")
    assert page.status_code == 200
    assert allowed.status_code == 200
    allowed.close()


def test_a_client_that_leaves_lets_go_of_the_table(ada, url, monkeypatch):
    closed = []

    def watched(stored, **asked):
        table = reading.rows(stored, **asked)
        return TableStream(table.schema, table, close=lambda: (table.close(), closed.append(True)))

    monkeypatch.setattr(answers, "rows", watched)
    answer = ada.get(url, {"format": "votable"})

    answer.close()

    assert closed == [True]


def test_a_download_that_is_refused_takes_no_place(ada, url, monkeypatch):
    monkeypatch.setattr(answers, "MOST_DOWNLOADS", 1)

    for _ in range(3):
        assert ada.get(url, {"format": "csv", "filter": "mag:lt:x"}).status_code == 400

    answer = ada.get(url, {"format": "csv"})
    answer.close()
    assert answer.status_code == 200


def test_a_job_that_is_not_there_has_no_results(ada, folder):
    assert ada.get(f"/esap-api/jobs/{uuid4()}/results/merged").status_code == 404
