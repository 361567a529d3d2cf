"""A table on its way."""

import pyarrow as pa
import pytest

from esap.tables.columns import Column
from esap.tables.stream import TableStream

TABLE = pa.table({"n": [1, 2]}, pa.schema([Column("n", "long", unit="m").field()]))


def test_a_table_is_a_stream_of_its_batches():
    stream = TableStream.of(TABLE)

    assert stream.columns == [Column("n", "long", unit="m")]
    assert stream.overflow is False
    assert stream.read_all().equals(TABLE, check_metadata=True)


@pytest.mark.parametrize("schema", [None, TABLE.schema])
def test_batches_are_a_stream_with_or_without_their_schema(schema):
    batches = TABLE.to_batches()

    assert TableStream.of(iter(batches), schema).read_all().equals(TABLE)
    assert TableStream.of(TABLE.to_reader(), schema).read_all().equals(TABLE)


def test_no_batches_are_a_table_without_rows_if_there_is_a_schema():
    assert TableStream.of([], TABLE.schema).read_all().num_rows == 0


def test_a_stream_is_iterated_once():
    stream = TableStream.of(TABLE)
    list(stream)

    assert list(stream) == []


def test_closing_closes_what_it_is_a_stream_of():
    def batches():
        try:
            yield from TABLE.to_batches()
        finally:
            closed.append(True)

    closed: list[bool] = []
    stream = TableStream.of(batches())

    stream.close()

    assert closed == [True]
