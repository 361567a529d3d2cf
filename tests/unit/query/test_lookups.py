"""Look-ups at one peer. None of these tests may touch a database."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.test import Client

from esap.errors import BackendFailed, BackendTimedOut, NotFound
from esap.tables.columns import Column
from query import lookups, names
from query.backends.base import Place, TableInfo
from query.backends.tap import TapArchive
from tests.contracts.published import must_fit
from tests.support.sample_archives import SAMPLE, configure

NORTH = [
    TableInfo(
        "ivoa.obscore",
        [
            Column("s_ra", "double", unit="deg", description="Right ascension"),
            Column("obs_title", "char", arraysize="*"),
        ],
    ),
    TableInfo("north.log", [Column("night", "int")], kind="view"),
]


@pytest.fixture(autouse=True)
def sample(settings, tmp_path):
    cache.clear()
    return configure(settings, tmp_path)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """Have archives answer with `NORTH`; return the ids of those that were asked."""
    ids: list[str] = []

    def tables(archive: TapArchive) -> list[TableInfo]:
        ids.append(archive.config.id)
        return NORTH

    monkeypatch.setattr(TapArchive, "tables", tables)
    return ids


def tables_fields(**parameters: str):
    return Client().get("/esap-api/query/get-tables-fields/", parameters)


def sky_coordinates(**parameters: str):
    return Client().get("/esap-api/query/get-sky-coordinates", parameters)


class TestTablesAndFields:
    def test_the_tables_of_a_datasets_archive_have_the_published_shape(self, asked):
        reply = tables_fields(dataset_uri="north-red")

        assert reply.status_code == 200
        must_fit(reply.json(), "get-tables-fields")
        assert asked == ["north"]
        assert reply.json()["count"] == 2
        assert reply.json()["results"] == [
            {
                "table_name": "ivoa.obscore",
                "table_type": "table",
                "fields": [
                    {"name": "s_ra", "description": "Right ascension", "unit": "deg",
                     "datatype": "double"},
                    {"name": "obs_title", "description": None, "unit": None, "datatype": "char"},
                ],
            },
            {
                "table_name": "north.log",
                "table_type": "view",
                "fields": [
                    {"name": "night", "description": None, "unit": None, "datatype": "int"}
                ],
            },
        ]  # fmt: skip

    def test_an_archives_own_address_is_as_good_as_a_dataset(self, asked):
        for address in ("https://north.example.org/tap", "HTTPS://North.Example.org/tap/"):
            reply = tables_fields(dataset_uri="vo_reg", access_url=address)
            assert reply.status_code == 200, reply.content

        assert asked == ["north"]

    @pytest.mark.parametrize(
        "address",
        [
            "https://elsewhere.example.org/tap",
            "http://north.example.org/tap",
            "https://north.example.org/tap/sync",
            "https://north.example.org@evil.example.org/tap",
            "http://127.0.0.1:8000/",
        ],
    )
    def test_any_other_address_needs_a_login(self, asked, address):
        reply = tables_fields(access_url=address)

        assert reply.status_code == 401
        assert reply.json()["slug"] == "login-required"
        assert asked == []

    def test_what_is_no_address_is_refused(self, asked):
        assert tables_fields(access_url="file:///etc/passwd").status_code == 400
        assert tables_fields().status_code == 400
        assert asked == []

    def test_an_unknown_dataset_is_a_problem(self, asked):
        reply = tables_fields(dataset_uri="vo_reg")

        assert reply.status_code == 404
        assert "'vo_reg'" in reply.json()["detail"]

    def test_an_answer_is_kept_until_the_entries_change(self, asked, settings, tmp_path):
        for _ in range(3):
            assert tables_fields(dataset_uri="north-red").status_code == 200
        assert asked == ["north"]

        configure(settings, tmp_path / "..", SAMPLE.replace("Northern", "Other"))
        assert tables_fields(dataset_uri="north-red").status_code == 200
        assert asked == ["north", "north"]

    def test_ten_who_ask_at_once_are_one_question(self, monkeypatch):
        ready = threading.Barrier(10)
        calls = []

        def tables(archive):
            calls.append(archive.config.id)
            time.sleep(0.2)
            return NORTH

        monkeypatch.setattr(TapArchive, "tables", tables)

        def ask(_):
            ready.wait()
            return lookups.tables_and_fields(dataset_uri="north-red", access_url="")

        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(ask, range(10)))

        assert calls == ["north"]
        assert all(answer == answers[0] for answer in answers)

    @pytest.mark.parametrize(
        ("error", "status", "slug"),
        [
            (BackendFailed("North says no."), 502, "backend-failed"),
            (BackendTimedOut("North took too long."), 504, "backend-timed-out"),
        ],
        ids=["failed", "timed-out"],
    )
    def test_a_failing_archive_is_a_problem_and_is_asked_again(
        self, monkeypatch, error, status, slug
    ):
        calls = []

        def tables(archive):
            calls.append(archive)
            raise error

        monkeypatch.setattr(TapArchive, "tables", tables)

        replies = [tables_fields(dataset_uri="north-red") for _ in range(2)]

        assert [reply.status_code for reply in replies] == [status, status]
        assert replies[0].json()["slug"] == slug
        assert replies[0].json()["detail"] == error.detail
        assert len(calls) == 2

    def test_many_tables_come_in_pages(self, monkeypatch):
        many = [TableInfo(f"t{number}", []) for number in range(120)]
        monkeypatch.setattr(TapArchive, "tables", lambda _: many)

        answer = tables_fields(dataset_uri="north-red", page="3").json()

        assert (answer["count"], answer["pages"]) == (120, 3)
        assert answer["results"][0]["table_name"] == "t100"
        assert len(answer["results"]) == 20


class TestSkyCoordinates:
    def test_a_known_name_has_a_position_as_texts(self, monkeypatch):
        place = Place("M31", 10.684708, 41.26875, "openngc", "NGC 224")
        monkeypatch.setattr(names, "resolve", lambda name, caller: place)

        reply = sky_coordinates(target_name="M31")

        assert reply.status_code == 200
        must_fit(reply.json(), "get-sky-coordinates")
        assert reply.json() == {
            "description": "ICRS (ra, dec) in deg",
            "target_name": "M31",
            "ra": "10.684708",
            "dec": "41.26875",
            "resolver": "openngc",
        }

    @pytest.mark.parametrize(
        ("degrees", "text"),
        [(0.0, "0"), (-0.00001, "-0.00001"), (359.99999999, "359.99999999"), (10, "10")],
    )
    def test_degrees_are_written_without_exponent(self, degrees, text):
        assert lookups._degrees(degrees) == text

    def test_an_unknown_name_is_a_problem(self, monkeypatch):
        def resolve(name, caller):
            raise NotFound(f"No resolver knows {name!r}.")

        monkeypatch.setattr(names, "resolve", resolve)

        reply = sky_coordinates(target_name="Atlantis")

        assert reply.status_code == 404
        assert reply.json()["detail"] == "No resolver knows 'Atlantis'."

    @pytest.mark.parametrize("parameters", [{}, {"target_name": " "}], ids=["none", "blank"])
    def test_no_name_is_a_problem(self, parameters):
        reply = sky_coordinates(**parameters)

        assert reply.status_code == 400
        assert reply.json()["detail"] == "target_name: name an object, such as target_name=M31."
