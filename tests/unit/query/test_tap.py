"""What a TAP archive is asked, and what is made of its answers."""

import time

import pytest

from esap.backends.deadline import within
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    InvalidRequest,
    NotFound,
    QueryRejected,
    UnreadableAnswer,
)
from query.adql import Cone
from query.backends.base import Criterion, Query, Selection
from tests.support.fakes.tap import FakeTap
from tests.support.fakes.tap.archives import tap_archive
from tests.support.waiting import wait_for

ALL = Query("SELECT * FROM sky.stars", limit=1000)


@pytest.fixture(scope="module")
def server():
    with FakeTap() as fake:
        yield fake


@pytest.fixture
def fake(server):
    server.requests.clear()
    server.hung_up = 0
    return server


def run(fake, mode, query=ALL, **options):
    return tap_archive(fake.url(mode), **options).run(query).read_all()


def test_a_selection_is_phrased_with_one_row_more_than_is_wanted(fake):
    archive = tap_archive(fake.url())
    selection = Selection(
        table="sky.stars",
        limit=100,
        cone=Cone(56.75, 24.12, 1),
        position=("ra", "dec"),
        criteria=(
            Criterion("level", "mag", "<=", 10),
            Criterion("target", "name", "contains", "X"),
        ),
        columns=("name", "class"),
    )

    query = archive.phrase(selection)

    assert query.text == (
        "SELECT TOP 101 name, class FROM sky.stars "
        "WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 56.75, 24.12, 1.0)) "
        "AND mag <= 10 AND LOWER(name) LIKE '%x%'"
    )
    assert query.limit == 100
    assert query.mode == ""
    assert fake.requests == []


def test_a_cone_on_a_table_without_positions_is_refused(fake):
    selection = Selection("sky.stars", limit=10, cone=Cone(0, 0, 1))

    with pytest.raises(InvalidRequest):
        tap_archive(fake.url()).phrase(selection)


def test_a_service_is_asked_in_the_words_of_tap_1_0_and_1_1(fake):
    run(fake, "ok", Query("SELECT id FROM sky.stars", limit=7))

    [request] = fake.requests
    assert (request.method, request.path) == ("POST", "/sync")
    assert request.params == {
        "REQUEST": "doQuery",
        "LANG": "ADQL",
        "QUERY": "SELECT id FROM sky.stars",
        "MAXREC": "8",
        "RESPONSEFORMAT": "application/x-votable+xml;serialization=BINARY2",
        "FORMAT": "application/x-votable+xml;serialization=BINARY2",
    }


@pytest.mark.parametrize("wanted", ["votable/b2", "votable", "csv"])
def test_every_format_gives_the_same_rows(fake, wanted):
    query = Query("SELECT id, ra, dec, class FROM sky.stars", limit=1000)

    rows = run(fake, "ok", query, format=wanted)

    assert rows.num_rows == 300
    assert rows.slice(1, 1).to_pylist() == [
        {"id": 2, "ra": 56.403854, "dec": 24.471343, "class": "GALAXY"}
    ]


def test_null_is_null_and_text_is_unicode(fake):
    query = Query("SELECT name, mag, nobs FROM sky.stars WHERE id IN (3, 7, 10)", limit=10)

    rows = run(fake, "ok", query)

    assert rows["name"].to_pylist()[0] == "Étoile ☉"
    assert rows["nobs"].to_pylist() == [3, None, 10]
    assert rows["mag"].to_pylist()[2] is None


def test_a_service_with_a_limit_of_its_own_overflows(fake):
    stream = tap_archive(fake.url(cap=20)).run(ALL)

    rows = stream.read_all()

    assert rows.num_rows == 20
    assert stream.overflow


def test_a_service_that_sends_more_than_it_was_asked_for_is_cut(fake):
    """An expert's query has no TOP, and some services do not know MAXREC."""
    archive = tap_archive(fake.url(heedless=1))
    stream = archive.run(Query("SELECT * FROM sky.stars", limit=100))

    rows = stream.read_all()

    assert rows.num_rows == 100
    assert stream.overflow


@pytest.mark.parametrize("mode", ["error200", "error400", "text400"])
@pytest.mark.parametrize("wanted", ["votable/b2", "csv"])
def test_a_rejected_query_comes_with_the_services_own_sentence(fake, mode, wanted):
    with pytest.raises(QueryRejected) as caught:
        run(fake, mode, format=wanted)

    assert caught.value.detail == "Field query: this archive is in a bad mood"


def test_an_error_after_the_rows_is_not_lost(fake):
    stream = tap_archive(fake.url("late-error")).run(ALL)

    with pytest.raises(QueryRejected) as caught:
        stream.read_all()

    assert caught.value.detail == "The disk went away."


@pytest.mark.parametrize(
    ("mode", "error"),
    [
        ("html", UnreadableAnswer),
        ("empty", UnreadableAnswer),
        ("truncate", UnreadableAnswer),
        ("chunk-truncate", UnreadableAnswer),
        ("login", BackendRefused),
        ("forbidden", BackendRefused),
        ("missing", NotFound),
        ("error500", BackendFailed),
        ("reset", BackendUnavailable),
        ("moved", BackendFailed),
    ],
)
@pytest.mark.parametrize("wanted", ["votable/b2", "csv"])
def test_what_is_not_a_table_is_an_error_by_its_name(fake, mode, error, wanted):
    with pytest.raises(error) as caught:
        run(fake, mode, format=wanted)

    assert type(caught.value) is error
    assert caught.value.detail.endswith(".")


def test_an_answer_shorter_than_its_table_is_unreadable(fake):
    """The length in the header is a lie; a CSV has no end by which that could be seen."""
    with pytest.raises(UnreadableAnswer):
        run(fake, "short-length")


def test_a_service_that_is_busy_says_when_to_come_back(fake):
    with pytest.raises(BackendUnavailable) as caught:
        run(fake, "busy", timeout=2)

    assert caught.value.extensions["retry_after"] == 120


def test_a_query_is_asked_again_when_the_service_faltered(fake):
    rows = tap_archive(fake.url(faint=2)).run(ALL).read_all()

    assert rows.num_rows == 300
    assert len(fake.asked("/sync")) == 3


def test_a_service_that_moved_is_told_from_one_that_finds_fault(fake):
    with pytest.raises(BackendFailed) as caught:
        run(fake, "moved")

    assert "entry needs the new address" in caught.value.detail


def test_an_answer_elsewhere_on_the_same_host_is_followed(fake):
    assert run(fake, "redirect").num_rows == 300


@pytest.mark.parametrize("mode", ["hang", "stall", "drip", "long-length"])
def test_a_service_that_does_not_finish_ends_at_the_deadline(fake, mode):
    began = time.monotonic()

    with pytest.raises(BackendTimedOut), within(0.5):
        run(fake, mode)

    assert 0.5 <= time.monotonic() - began < 1.5


def test_without_a_deadline_the_entrys_timeout_holds(fake):
    began = time.monotonic()

    with pytest.raises(BackendTimedOut):
        run(fake, "hang", timeout=0.5)

    assert 0.5 <= time.monotonic() - began < 1.5


def test_the_rows_come_as_the_service_sends_them():
    with FakeTap(stars=20_000) as fake:
        query = Query("SELECT * FROM sky.stars", limit=20_000)
        stream = tap_archive(fake.url("stall")).run(query)

        first = next(iter(stream))

        assert 0 < first.num_rows < 20_000
        stream.close()


def test_closing_a_stream_hangs_up():
    with FakeTap(stars=20_000) as fake:
        stream = tap_archive(fake.url("stall")).run(Query("SELECT * FROM sky.stars", limit=20_000))
        next(iter(stream))

        stream.close()

        assert wait_for(lambda: fake.hung_up == 1)


def test_a_connection_is_used_again_after_a_whole_answer():
    with FakeTap() as fake:
        archive = tap_archive(fake.url())

        for _ in range(5):
            archive.run(Query("SELECT TOP 5 id FROM sky.stars", limit=10)).read_all()

        assert fake.open_connections == 1
