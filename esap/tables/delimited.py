"""CSV of peers (RFC 4180), as a table."""

from collections.abc import Iterable
from io import BytesIO

import pyarrow as pa
from pyarrow import csv

from esap.errors import TooLarge, UnreadableAnswer
from esap.tables.columns import column_of, distinct
from esap.tables.stream import TableStream

__all__ = ["read_csv"]

LIMIT = 1 << 28


def read_csv(chunks: Iterable[bytes]) -> TableStream:
    """A table with the types that all of the values have; an empty value is null, `""` is not.

    The last value may change the type of its column, so that the answer is held in memory. Times
    stay text, as they are in VOTables.
    """
    content = BytesIO()
    for chunk in chunks:
        if content.write(chunk) and content.tell() > LIMIT:
            raise TooLarge("The answer has more than 256 MB of CSV. Ask for fewer rows or columns.")
    try:
        table = _read(content, {})
        timeless = {
            field.name: pa.string()
            for field in table.schema
            if pa.types.is_temporal(field.type) or pa.types.is_null(field.type)
        }
        table = _read(content, timeless) if timeless else table
    except pa.ArrowInvalid as error:
        raise UnreadableAnswer(f"The service's answer is not readable as CSV: {error}") from error
    arrays = [_text(array) if pa.types.is_binary(array.type) else array for array in table.columns]
    bare = [
        pa.field(name, array.type) for name, array in zip(table.column_names, arrays, strict=True)
    ]
    columns = distinct(map(column_of, bare))
    fields = [
        column.described(field.with_name(column.name))
        for column, field in zip(columns, bare, strict=True)
    ]
    return TableStream.of(pa.table(arrays, schema=pa.schema(fields)))


def _text(array: pa.ChunkedArray) -> pa.Array:
    """A column that is not UTF-8, which Arrow leaves as bytes; what is wrong becomes U+FFFD."""
    values = array.to_pylist()
    return pa.array([value and value.decode(errors="replace") for value in values], pa.string())


def _read(content: BytesIO, types: dict[str, pa.DataType]) -> pa.Table:
    content.seek(0)
    return csv.read_csv(
        content,
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
