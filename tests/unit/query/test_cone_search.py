"""Every dataset is a cone search service, as pyvo and TOPCAT know them."""

import io

import pytest
from astropy.io.votable import parse
from django.test import Client

from esap.errors import BackendFailed
from query.cone_search import cone_search
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap

pytestmark = pytest.mark.django_db(transaction=True)
WHOLE_SKY = {"RA": "56.75", "DEC": "24.12", "SR": "180"}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def archives(fake, tmp_path, settings):
    settings.ENTRY_FILES = write_entries(
        tmp_path, [star_archive("good", fake.url()), star_archive("bad", fake.url("error500"))]
    )


def ask(name="good", **parameters):
    return Client().get(f"/esap-api/query/cone/{name}", {**WHOLE_SKY, **parameters})


def table(response):
    document = parse(
        io.BytesIO(response.getvalue()), verify="ignore"
    )  # UCD1 is what it takes as a fault
    return document.get_first_table()


def told(response):
    assert response["Content-Type"] == "application/x-votable+xml"
    (info,) = parse(io.BytesIO(response.content)).infos
    return info.name, info.value


@pytest.mark.parametrize("name", ["good", "good-stars"])
def test_an_archive_or_a_dataset_answers_its_rows(name) -> None:
    response = ask(name)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/x-votable+xml"
    assert len(table(response).array) == 20


def test_position_and_identifier_are_told_as_cone_search_clients_know_them() -> None:
    fields = {field.ucd: field for field in table(ask()).fields}

    assert fields["ID_MAIN"].name == "id"
    assert fields["POS_EQ_RA_MAIN"].name == "ra"
    assert fields["POS_EQ_RA_MAIN"].unit == "deg"
    assert fields["POS_EQ_DEC_MAIN"].name == "dec"


def test_a_radius_of_zero_asks_for_the_columns_only() -> None:
    star = table(ask(MAXREC="1")).array[0]

    answer = table(ask(RA=repr(float(star["ra"])), DEC=repr(float(star["dec"])), SR="0"))

    assert len(answer.array) == 0
    assert [field.name for field in answer.fields][:2] == ["id", "name"]


def test_more_rows_than_wanted_are_told() -> None:
    response = ask(MAXREC="5")

    body = response.getvalue()
    assert body.count(b"<TR>") == 5
    assert b'value="OVERFLOW"' in body


@pytest.mark.parametrize(
    ("name", "parameters", "status", "sentence"),
    [
        ("good", {"SR": ""}, 400, "SR is missing. Give RA, DEC and SR in decimal degrees."),
        ("good", {"SR": "wide"}, 400, "fov: 'wide' is not a number."),
        (
            "nobody", {}, 404,
            "There is no dataset 'nobody'. See /esap-api/query/datasets-uri for all.",
        ),
        ("bad", {}, 502, "Bad answered 500 Internal Server Error."),
    ],
)  # fmt: skip
def test_an_error_is_a_votable_that_says_what_to_do(name, parameters, status, sentence) -> None:
    response = ask(name, **parameters)

    assert response.status_code == status
    assert told(response) == ("Error", sentence)


def test_a_client_that_leaves_ends_the_search(fake, tmp_path, settings) -> None:
    settings.ENTRY_FILES = write_entries(tmp_path, [star_archive("slow", fake.url("hang"))])

    answer = cone_search("slow", WHOLE_SKY, unwanted=lambda: True)

    assert answer.read_all().num_rows == 0


def test_an_archive_that_cannot_answer_is_not_an_empty_cone() -> None:
    with pytest.raises(BackendFailed):
        cone_search("bad", WHOLE_SKY)
