"""The published `query/query/`, from the published front end's side."""

import threading

import pytest
from django.test import Client

from query import published_query
from tests.contracts.published import must_fit
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/esap-api/query/query/"
IMAGES = {
    "mapping": "obscore",
    "datasets": [
        {"id": "deep", "name": "Deep", "table": "ivoa.obscore", "level": "processed"},
    ],
}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=120) as service:
        yield service


@pytest.fixture(autouse=True)
def archives(fake, tmp_path, settings):
    settings.ENTRY_FILES = write_entries(
        tmp_path,
        [
            star_archive("stars", fake.url()),
            star_archive("images", fake.url(), **IMAGES),
            star_archive("broken", fake.url("error500")),
        ],
    )
    published_query._ANSWERS._flights.clear()


def get(query: str, path: str = URL):
    return Client().get(f"{path}?{query}")


def test_rows_have_the_published_keys_and_always_a_text_url() -> None:
    answer = get("archive_uri=images&ra=56.75&dec=24.12&fov=180").json()

    row = answer["results"][0]
    assert list(row) == [
        "name", "collection", "level", "ra", "dec", "fov", "dataset", "archive", "result",
        "dataproduct_type", "calibration_level", "target", "obs_collection", "size", "facility",
        "instrument", "thumbnail", "url",
    ]  # fmt: skip
    assert row["dataset"] == "deep"
    assert isinstance(row["ra"], float)
    assert isinstance(row["url"], str)
    assert row["url"].startswith("http")
    assert isinstance(row["thumbnail"], str)
    assert isinstance(row["level"], str)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("archive_uri=images&ra=56.75&dec=24.12&fov=180", "query-rows"),
        ("archive_uri=images&adql_query=SELECT TOP 3 * FROM ivoa.obscore", "query-adql"),
    ],
)
def test_answers_have_the_published_keys_and_types(query, name) -> None:
    must_fit(get(query).json(), name)


def test_pages_are_counted_right() -> None:
    first = get("archive_uri=stars&ra=56.75&dec=24.12&fov=180").json()
    third = get("archive_uri=stars&ra=56.75&dec=24.12&fov=180&page=3&page_size=50").json()
    whole = get("archive_uri=stars&ra=56.75&dec=24.12&fov=180&pagination=false").json()

    assert (first["count"], first["pages"], len(first["results"])) == (120, 3, 50)
    assert first["description"] == "ESAP API Gateway"
    assert (first["requested_page"], first["requested_page_size"]) == ("1", None)
    assert (third["requested_page"], len(third["results"])) == ("3", 20)
    assert len(whole["results"]) == 120


def test_both_slash_forms_answer() -> None:
    query = "archive_uri=stars&ra=56.75&dec=24.12&fov=180"

    assert get(query).json() == get(query, path=URL.rstrip("/")).json()


def test_a_search_sent_twice_and_its_pages_are_one_question_upstream(fake) -> None:
    before = len(fake.asked("/sync"))
    query = "archive_uri=stars&ra=56.75&dec=24.12&fov=180"
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(published_query.answer(
            {"archive_uri": "stars", "ra": "56.75", "dec": "24.12", "fov": "180"})))
        for _ in range(2)
    ]  # fmt: skip

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    get(f"{query}&page=2")

    assert len(fake.asked("/sync")) - before == 1
    assert answers[0] is answers[1]


def test_a_failing_archive_is_a_problem_in_the_answer() -> None:
    answer = get("ra=56.75&dec=24.12&fov=180").json()

    assert answer["count"] == 240
    assert [(p["archive"], p["dataset"], p["slug"]) for p in answer["problems"]] == [
        ("broken", "broken-stars", "backend-failed")
    ]


def test_all_archives_failing_is_an_empty_answer_with_problems() -> None:
    response = get("archive_uri=broken&ra=56.75&dec=24.12&fov=180")

    assert response.status_code == 200
    assert (response.json()["results"], response.json()["count"], response.json()["pages"]) == (
        [],
        0,
        0,
    )
    assert len(response.json()["problems"]) == 1


def test_no_parameters_is_a_problem_and_no_dataset_an_empty_answer() -> None:
    assert (get("").status_code, get("").json()["slug"]) == (400, "invalid-request")

    nothing = get("archive_uri=lofar&ra=1&dec=2")
    assert nothing.status_code == 200
    assert nothing.json()["results"] == []
    assert nothing.json()["problems"][0]["slug"] == "not-found"


def test_adql_answers_as_the_ivoa_page_reads_it() -> None:
    adql = "SELECT TOP 2 name, 'a,b' AS pair, ra FROM sky.stars ORDER BY id"

    answer = get(f"archive_uri=stars&adql_query={adql}").json()

    row = answer["results"][0]
    assert list(row) == ["dataset", "result", "query", "url", "thumbnail", "fields"]
    assert len(row["result"].split(",")) == 3
    assert row["result"].split(",")[1] == "a;b"
    assert [field["name"] for field in row["fields"]] == ["name", "pair", "ra"]
    assert answer["count"] == 2


def test_an_address_that_no_entry_has_needs_a_login() -> None:
    response = get("access_url=http://elsewhere.example.org/tap&adql_query=SELECT 1")

    assert (response.status_code, response.json()["slug"]) == (401, "login-required")


def test_a_repeated_key_counts_once() -> None:
    answer = get("archive_uri=stars&archive_uri=images&ra=56.75&dec=24.12&fov=180").json()

    assert {row["archive"] for row in answer["results"]} == {"stars"}
