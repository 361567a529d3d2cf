"""Our reader and astropy read the same values, on random tables and on real answers."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esap.errors import BackendFailed
from tests.unit.esap.tables.made import tables, written
from tests.unit.esap.tables.same import assert_same_values, astropy_table, read

PACKAGES = ("astropy", "pyvo", "astroquery")
SERIALIZATIONS = ("tabledata", "binary", "binary2")

# Files in which astropy finds no table, or none with columns; we say so instead of giving no rows.
WITHOUT_A_TABLE = {
    "astropy/io/votable/tests/data/no_field_not_empty_table.xml",
    "astropy/io/votable/tests/data/test.order.xml",
    "astroquery/vizier/tests/data/find_kangapj70683.xml",
    "pyvo/dal/tests/data/query/missingcolumns.xml",
}
# Time frames without an ID: we do not read them, so they do not stop us.
READ_BY_US_ONLY = {"astropy/io/votable/tests/data/timesys_errors.xml"}
# A row that the service itself says not to use (QUERY_STATUS ERROR).
REJECTED = {"pyvo/dal/tests/data/query/errorstatus.xml"}
# Before VOTable 1.3 astropy takes an empty integer for 0; it is null here, as services mean it.
EMPTY_INTEGERS = {
    "astropy/io/votable/tests/data/gemini.xml",
    "astroquery/ipac/irsa/tests/data/Box.xml",
    "astroquery/ipac/irsa/tests/data/Cone.xml",
    "astroquery/ipac/irsa/tests/data/Polygon.xml",
    "astroquery/ipac/ned/tests/data/query_redshifts.xml",
    "pyvo/dal/tests/data/sla/dataset.xml",
}


def real_answers() -> list[str]:
    return [
        str(path.relative_to(folder.parent))
        for folder in map(folder_of, PACKAGES)
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".xml", ".vot", ".votable"} and b"VOTABLE" in path.read_bytes()
    ]


def folder_of(package: str) -> Path:
    return Path(next(iter(find_spec(package).submodule_search_locations)))


def content_of(answer: str) -> bytes:
    return (folder_of("astropy").parent / answer).read_bytes()


@pytest.mark.filterwarnings("ignore")  # what astropy has to say of these files is not of interest
@pytest.mark.parametrize("answer", real_answers())
def test_a_real_answer_has_the_values_that_astropy_reads(answer):
    content = content_of(answer)
    try:
        theirs = astropy_table(content)
    except Exception:  # noqa: BLE001 -- astropy raises whatever it meets
        theirs = None

    if answer in READ_BY_US_ONLY:
        assert theirs is None
        assert read(content).num_rows == 1
    elif theirs is None or answer in WITHOUT_A_TABLE | REJECTED:
        with pytest.raises(BackendFailed):
            read(content)
    else:
        assert_same_values(read(content), theirs, empty_integers=answer in EMPTY_INTEGERS)


def test_there_are_enough_real_answers_to_speak_of():
    assert len(real_answers()) > 100


@pytest.mark.filterwarnings("ignore")
@given(document=tables(), serialization=st.sampled_from(SERIALIZATIONS), size=st.integers(1, 4000))
def test_a_random_table_has_the_values_that_astropy_reads(document, serialization, size):
    content = written(document, serialization)

    ours = read(content, size)

    assert_same_values(ours, astropy_table(content))


@given(document=tables(), serialization=st.sampled_from(SERIALIZATIONS), size=st.integers(1, 200))
def test_it_does_not_matter_where_the_answer_is_cut_into_chunks(document, serialization, size):
    content = written(document, serialization)

    whole = read(content, len(content))

    assert read(content, size).equals(whole)
    assert read(gzip.compress(content), size).equals(whole)
