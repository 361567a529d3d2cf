"""Results in a folder of each test's own."""

from uuid import uuid4

import pyarrow as pa
import pytest

from esap.results.writing import store
from esap.tables.columns import Column
from esap.tables.stream import TableStream
from tests.support.stored import results_in


@pytest.fixture
def folder(settings, tmp_path):
    """The folder that results are stored in."""
    results = results_in(settings, tmp_path)
    settings.RESULTS_CACHE_DIR = tmp_path / "copies"
    return results


@pytest.fixture
def job_id():
    return uuid4()


COLUMNS = [
    Column("name", "char", arraysize="*", ucd="meta.id", description="What it is called"),
    Column("mag", "double", unit="mag", ucd="phot.mag"),
    Column("g", "float"),
    Column("n", "long"),
    Column("bright", "boolean"),
]
ROWS = {
    "name": ["M31", "m33", "NGC 1", None, "O'Hara; DROP TABLE x --", "Änderung"],
    "mag": [3.4, 5.7, None, 12.0, 5.7, 9.0],
    "g": [0.1, 0.2, 0.3, None, 0.5, 0.6],
    "n": [1, 2, 3, 4, None, 2**62],
    "bright": [True, True, None, False, False, False],
}


@pytest.fixture
def stars(folder, job_id):
    """A stored table of six rows."""
    schema = pa.schema([column.field() for column in COLUMNS])
    table = pa.table(ROWS, schema=schema)
    return store(job_id, "merged", TableStream.of(table), {"search": "x", "problems": []})
