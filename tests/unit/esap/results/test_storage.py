"""Stored results are whole, replaced at one stroke, and gone when they should be."""

import datetime as dt
import decimal
import os
import threading
import time
from uuid import uuid4

import pyarrow as pa
import pytest
from pyarrow import parquet

from esap.errors import BackendFailed, NotFound, NotReady
from esap.results import storage
from esap.results.reading import page, rows
from esap.results.storage import delete_results, draft, find, folders, names, publish
from esap.results.writing import TableWriter, store
from esap.tables.encoders import ENCODERS
from esap.tables.stream import TableStream
from esap.tables.votable import read_votable

TABLE = pa.table({"x": [1, 2, 3]})


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_table_is_not_there_before_it_is_finished(folder, job_id):
    with TableWriter(job_id, "merged", TABLE.schema) as writer:
        writer.write(TABLE.to_batches()[0])

        assert names(job_id) == []
        with pytest.raises(NotFound):
            find(job_id, "merged")
        writer.finish()

    assert names(job_id) == ["merged"]
    assert files(folder) == [f"{job_id}/merged.parquet"]


def test_nothing_stays_of_a_table_whose_rows_break_off(folder, job_id):
    def broken():
        yield TABLE.to_batches()[0]
        raise BackendFailed("The archive broke off.")

    with pytest.raises(BackendFailed):
        store(job_id, "merged", TableStream(TABLE.schema, broken()))

    assert files(folder) == []


def test_a_reader_sees_the_old_table_or_the_new_one_and_never_a_part(folder, job_id):
    sums = set()
    store(job_id, "x", TableStream.of(pa.table({"x": [1] * 1000})))
    done = threading.Event()

    def replace():
        for number in range(2, 40):
            store(job_id, "x", TableStream.of(pa.table({"x": [number] * 1000})))
        done.set()

    writer = threading.Thread(target=replace)
    writer.start()
    while not done.is_set():
        values = rows(find(job_id, "x")).read_all()["x"].to_pylist()
        sums.add((len(values), len(set(values))))
    writer.join()

    assert sums == {(1000, 1)}


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "A", "a.b.c", "a\0", "x" * 200])
def test_a_name_leads_nowhere_else(folder, job_id, name):
    with pytest.raises(NotFound):
        find(job_id, name)


def test_all_of_a_job_is_deleted_and_nothing_of_another(folder, job_id):
    other = uuid4()
    for owner in (job_id, other):
        store(owner, "merged", TableStream.of(TABLE))
        store(owner, "a.b", TableStream.of(TABLE))

    delete_results(job_id)
    delete_results(job_id)

    assert names(job_id) == []
    assert names(other) == ["a.b", "merged"]
    assert folders() == [other]


def test_a_reader_keeps_what_it_reads_when_it_is_deleted(folder, job_id):
    wide = pa.table({"x": pa.array([f"{n:100}" for n in range(200_000)])})
    stream = rows(store(job_id, "x", TableStream.of(wide)))
    first = next(iter(stream))

    delete_results(job_id)

    assert first.num_rows + stream.read_all().num_rows == 200_000


def test_a_draft_that_nobody_writes_is_forgotten_after_a_day(folder):
    old, fresh = draft(), draft()
    old.touch()
    fresh.touch()
    os.utime(old, (time.time() - 90_000,) * 2)

    forgotten = storage.forget_old_drafts()

    assert (forgotten, old.exists(), fresh.exists()) == (1, False, True)


def test_a_disk_that_fails_is_a_problem_of_the_gateways(folder, job_id, monkeypatch):
    written = draft()
    written.touch()
    monkeypatch.setattr(type(written), "replace", _full)

    with pytest.raises(NotReady, match="No space left on device"):
        publish(job_id, "merged", written)


def _full(*_):
    raise OSError(28, "No space left on device")


MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 123456)  # noqa: DTZ001 - such columns have no zone
VALUES = {
    "bool": pa.array([True, None]),
    **{str(t): pa.array([1, None], t) for t in (pa.int8(), pa.uint8(), pa.int16(), pa.uint16())},
    "u64": pa.array([2**64 - 1, None], pa.uint64()),
    "i64": pa.array([-(2**63), None]),
    "half": pa.array([1.5, None], pa.float16()),
    "float": pa.array([0.1, None], pa.float32()),
    "text": pa.array(["Ä", ""]),
    "long_text": pa.array(["a", None], pa.large_string()),
    "bytes": pa.array([b"a\xff", None]),
    "ns": pa.array([MOMENT, None], pa.timestamp("ns")),
    "utc": pa.array([MOMENT, None], pa.timestamp("us", "UTC")),
    "day": pa.array([MOMENT.date(), None]),
    "hour": pa.array([MOMENT.time(), None]),
    "span": pa.array([dt.timedelta(seconds=1.5), None]),
    "nothing": pa.nulls(2),
    "words": pa.array(["a", None]).dictionary_encode(),
    "list": pa.array([[1.0, None], None]),
    "pair": pa.array([[1.0, 2.0], None], pa.list_(pa.float32(), 2)),
    "matrix": pa.array([[[1]], None]),
    "struct": pa.array([{"a": 1}, None]),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_values_of_every_type_come_back_as_they_were(folder, job_id, values):
    stored = store(job_id, "x", TableStream.of(pa.table({"x": values})))

    paged = page(stored).table.read_all()["x"]
    whole = rows(stored).read_all()["x"]

    assert paged.to_pylist() == whole.to_pylist() == values.to_pylist()
    assert paged.type == whole.type == parquet.read_schema(stored.path).field("x").type


def test_decimal_numbers_become_doubles(folder, job_id):
    table = pa.table({"x": [decimal.Decimal("1.50"), None]})

    stored = store(job_id, "x", TableStream.of(table))

    assert rows(stored).read_all()["x"].to_pylist() == [1.5, None]


def test_a_votable_of_a_stored_table_has_its_units_and_ucds(stars):
    content = b"".join(ENCODERS["votable"].encode(rows(stars)))

    back = read_votable([content])
    assert {c.name: (c.unit, c.ucd) for c in back.columns}["mag"] == ("mag", "phot.mag")
    assert back.read_all()["mag"].to_pylist() == [3.4, 5.7, None, 12.0, 5.7, 9.0]
