"""What a TAP service says about itself: whether it is well, and its tables."""

import pytest

from esap.errors import BackendFailed, BackendUnavailable, TooLarge, UnreadableAnswer
from esap.tables.columns import Column
from query.backends import tap
from query.vosi import column, read_availability, read_tables
from tests.support.fakes.tap import FakeTap
from tests.support.fakes.tap.archives import tap_archive

RA = Column(
    "ra", "double", unit="deg", ucd="pos.eq.ra;meta.main", description="ICRS right ascension"
)


@pytest.fixture(scope="module")
def server():
    with FakeTap() as fake:
        yield fake


@pytest.fixture
def fake(server):
    server.requests.clear()
    return server


def test_a_service_that_says_it_is_down_is_unavailable(fake):
    with pytest.raises(BackendUnavailable) as caught:
        tap_archive(fake.url("down")).ping()

    assert caught.value.detail == (
        "Some Archive says that it is not available. Disks are being changed."
    )


def test_a_service_without_availability_is_asked_for_its_capabilities(fake):
    tap_archive(fake.url("quiet")).ping()

    assert [request.path for request in fake.requests] == ["/availability", "/capabilities"]


@pytest.mark.parametrize(
    ("mode", "error"),
    [("html", UnreadableAnswer), ("empty", UnreadableAnswer), ("error500", BackendFailed)],
)
def test_a_service_that_is_not_well_fails_the_ping(fake, mode, error):
    with pytest.raises(error):
        tap_archive(fake.url(mode)).ping()


@pytest.mark.parametrize("source", ["vosi", "tap_schema"])
def test_tables_are_described_alike_by_vosi_and_tap_schema(fake, source):
    tables = {t.name: t for t in tap_archive(fake.url(), table_metadata=source).tables()}

    assert set(tables) == {"sky.stars", "ivoa.obscore"}
    assert tables["sky.stars"].kind == "table"
    assert tables["sky.stars"].description == "About sky.stars"
    assert [c.name for c in tables["sky.stars"].columns] == [
        "id", "name", "ra", "dec", "mag", "class", "nobs",
    ]  # fmt: skip
    assert tables["sky.stars"].columns[2] == RA
    assert tables["sky.stars"].columns[5].arraysize == "*"


def test_of_a_giant_only_the_tables_of_its_datasets_are_described(fake):
    archive = tap_archive(
        fake.url(),
        table_metadata="datasets",
        datasets=[{"id": "obs", "name": "Observations", "table": "ivoa.obscore"}],
    )

    tables = archive.tables()

    assert [table.name for table in tables] == ["ivoa.obscore"]
    assert len(tables[0].columns) == 18


def test_of_a_giant_without_datasets_nothing_is_described(fake):
    assert tap_archive(fake.url(), table_metadata="datasets").tables() == []
    assert fake.requests == []


@pytest.mark.parametrize("source", ["vosi", "tap_schema"])
def test_a_service_with_too_many_tables_is_told_what_to_do(fake, source, monkeypatch):
    monkeypatch.setattr(tap, "_MOST_COLUMNS", 20)

    with pytest.raises(TooLarge) as caught:
        tap_archive(fake.url(), table_metadata=source).tables()

    assert "table_metadata: datasets" in caught.value.detail


@pytest.mark.parametrize("mode", ["html", "empty", "truncate"])
def test_a_list_of_tables_that_is_none_is_unreadable(fake, mode):
    with pytest.raises(UnreadableAnswer):
        tap_archive(fake.url(mode)).tables()


def test_a_list_of_tables_is_read_in_any_pieces():
    document = (
        b'<tableset><schema><name>s</name><table type="view"><name>s.t</name>'
        b"<column><name>c</name><dataType size='8'>adql:VARCHAR</dataType></column>"
        b"</table><table><name>s.u</name></table></schema></tableset>"
    )

    for size in (1, 7, 1000):
        pieces = (document[i : i + size] for i in range(0, len(document), size))
        tables = list(read_tables(pieces))

        assert [(t.name, t.kind) for t in tables] == [("s.t", "view"), ("s.u", "table")]
        assert tables[0].columns == [Column("c", "char", arraysize="*")]


@pytest.mark.parametrize(
    ("told", "column_"),
    [
        (("DOUBLE", ""), Column("c", "double")),
        (("adql:BIGINT", ""), Column("c", "long")),
        (("adql:VARCHAR(32)", ""), Column("c", "char", "*")),
        (("TIMESTAMP", ""), Column("c", "char", "*", xtype="timestamp")),
        (("adql:POINT", ""), Column("c", "char", "*", xtype="adql:POINT")),
        (("unicodeChar", "*"), Column("c", "unicodeChar", "*")),
        (("float", "3"), Column("c", "float", "3")),
        (("", ""), Column("c", "char")),
    ],
)
def test_types_of_tap_1_0_are_told_in_votables_words(told, column_):
    assert column("c", *told) == column_


def test_entities_are_not_expanded():
    bomb = (
        b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c SYSTEM "file:///etc/hostname">]>'
        b"<availability><available>true</available><note>&b;&c;</note></availability>"
    )

    said = read_availability(bomb)

    assert said is not None
    assert said.note == ""


def test_availability_that_says_neither_is_none():
    assert read_availability(b"<availability><available>perhaps</available></availability>") is None
    assert read_availability(b"<capabilities/>") is None
    assert read_availability(b"no XML") is None
