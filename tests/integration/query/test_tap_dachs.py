"""A TAP archive keeps its promises against GAVO DaCHS."""

import threading
from dataclasses import replace

import pytest
import requests

from esap.backends.deadline import within
from esap.errors import BackendTimedOut, Cancelled, QueryRejected
from query.adql import Cone
from query.backends.base import Criterion, Query, Selection
from tests.contracts.archive import Known, RemoteArchiveContract
from tests.support.fakes.tap.archives import NOBODY, tap_archive
from tests.support.waiting import wait_for

# Some ten seconds of work; short, because DaCHS goes on with it when nobody listens any more.
SLOW = (
    "SELECT COUNT(*) AS n FROM cat.main AS a JOIN cat.main AS b ON a.gmag < b.gmag "
    "JOIN img.main AS c ON c.exptime > a.gmag"
)
ALCYONE = 66714384142368256


class TestDachs(RemoteArchiveContract):
    @pytest.fixture
    def known(self):
        return Known(
            table="cat.main",
            position=("ra", "dec"),
            cone=Cone(82.85, 51.68, 1.0),
            rows_in_cone=16,
            row={
                "id": 1061,
                "name": "ESAPT J082.8480+51.6810",
                "ra": 82.8480219,
                "dec": 51.6810037,
                "nobs": 25,
                "class": "STAR",
            },
            text=("class", "GALAXY", 333),
            fragment=("name", "esapt j12", 49),
            number=("nobs", 20, 800, 1250),
            units_and_ucds={
                "ra": ("deg", "pos.eq.ra;meta.main"),
                "gmag": ("mag", "phot.mag;em.opt"),
                "name": (None, "meta.id"),
            },
        )

    @pytest.fixture
    def archive(self, tap_of_dachs):
        return tap_of_dachs()

    @pytest.fixture
    def endless(self, tap_of_dachs):
        return tap_of_dachs(), Query(SLOW, limit=10)

    @pytest.fixture
    def unreachable(self):
        return tap_archive(NOBODY)


@pytest.mark.parametrize("wanted", ["votable/b2", "votable", "csv"])
def test_every_format_has_the_same_stars(tap_of_dachs, wanted):
    archive = tap_of_dachs(format=wanted)
    pleiades = Selection(
        "gaia.bright",
        limit=1000,
        cone=Cone(56.75, 24.12, 1),
        position=("ra", "dec"),
        criteria=(Criterion("brightness", "phot_g_mean_mag", "<=", 4),),
        columns=("source_id", "phot_g_mean_mag"),
    )

    rows = archive.run(archive.phrase(pleiades)).read_all().sort_by("phot_g_mean_mag")

    assert rows["source_id"].to_pylist()[0] == ALCYONE
    assert rows["phot_g_mean_mag"].to_pylist()[0] == pytest.approx(2.896132)


def test_binary2_is_what_dachs_is_asked_for(tap_of_dachs, monkeypatch):
    archive = tap_of_dachs()
    kinds = []
    take = archive.http.chunks
    monkeypatch.setattr(
        archive.http,
        "chunks",
        lambda answer: kinds.append(answer.headers["Content-Type"]) or take(answer),
    )

    archive.run(Query("SELECT TOP 3 * FROM cat.main", limit=10)).read_all()

    assert [kind.lower() for kind in kinds] == ["application/x-votable+xml;serialization=binary2"]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_obscore_answers_with_its_units_and_utypes(tap_of_dachs, mode):
    archive = tap_of_dachs()
    images = Selection(
        "ivoa.obscore", limit=100, criteria=(Criterion("type", "dataproduct_type", "=", "image"),)
    )

    stream = archive.run(replace(archive.phrase(images), mode=mode))
    rows = stream.read_all()

    columns = {column.name: column for column in stream.columns}
    assert rows.num_rows == 20
    assert not stream.overflow
    assert columns["s_ra"].unit == "deg"
    assert columns["s_ra"].utype == (
        "obscore:char.spatialaxis.coverage.location.coord.position2d.value2.c1"
    )
    assert set(rows["obs_collection"].to_pylist()) == {"ESAPT"}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_overflow_is_seen_though_dachs_tells_of_it_after_the_table(tap_of_dachs, mode):
    stream = tap_of_dachs().run(Query("SELECT * FROM cat.main", limit=1500, mode=mode))

    rows = stream.read_all()

    assert rows.num_rows == 1500
    assert stream.overflow


@pytest.mark.parametrize(
    ("text", "sentence", "mode"),
    [
        ("SELECT nope FROM cat.main", "nope", "sync"),
        ("SELECT * FROM nope.nope", "nope.nope", "sync"),
        ("ELECT * FROM cat.main", "Could not parse your query", "sync"),
        ("SELECT nope FROM cat.main", "nope", "async"),
    ],
)
def test_a_query_at_fault_has_dachs_own_sentence(tap_of_dachs, text, sentence, mode):
    with pytest.raises(QueryRejected) as caught:
        tap_of_dachs().run(Query(text, limit=10, mode=mode)).read_all()

    assert sentence in caught.value.detail


def test_a_large_answer_is_read_as_it_comes(tap_of_dachs):
    stream = tap_of_dachs(timeout=60).run(Query("SELECT * FROM gaia.bright", limit=100_000))

    batches = [batch.num_rows for batch in stream]

    assert sum(batches) == 100_000
    assert len(batches) > 3
    assert stream.overflow


def test_no_job_stays_at_dachs(dachs, tap_of_dachs):
    before = _jobs(dachs)
    archive = tap_of_dachs()

    archive.run(Query("SELECT TOP 3 * FROM cat.main", limit=10, mode="async")).close()
    with pytest.raises(BackendTimedOut), within(2):
        archive.run(Query(SLOW, limit=10, mode="async"))
    with within(60) as scope:
        cancel = threading.Timer(1.5, scope.cancel)
        cancel.start()
        with pytest.raises(Cancelled):
            archive.run(Query(SLOW, limit=10, mode="async"))
    cancel.join()

    assert wait_for(lambda: _jobs(dachs) <= before, seconds=10)


@pytest.mark.parametrize("source", ["vosi", "tap_schema"])
def test_vosi_and_tap_schema_describe_the_same_columns(tap_of_dachs, source):
    tables = {table.name: table for table in tap_of_dachs(table_metadata=source).tables()}

    columns = {column.name: column for column in tables["cat.main"].columns}

    assert len(columns) == 14
    assert columns["gmag"].datatype == "float"
    assert columns["gmag"].unit == "mag"
    assert columns["name"].arraysize == "*"
    assert len(tables["ivoa.obscore"].columns) >= 29


def _jobs(dachs):
    answer = requests.Session().get(f"{dachs.links['tap']}/async", timeout=10)
    return {part.split(b'"')[0] for part in answer.content.split(b'jobref id="')[1:]}
