"""Records of peers (JSON objects), as a table."""

import json
from collections.abc import Iterable, Mapping

import pyarrow as pa

from esap.tables.columns import column_of
from esap.tables.stream import TableStream

__all__ = ["read_records"]

COMPACT = (",", ":")


def read_records(rows: Iterable[Mapping[str, object]]) -> TableStream:
    """A table of all the keys, in the order they are met; a missing one is null.

    Values that Arrow has no common type for, and objects, become text, the latter as JSON. All rows
    are held, for the last may bring a key or a type.
    """
    records = list(rows)
    names = dict.fromkeys(key for record in records for key in record)
    arrays = [_column([record.get(name) for record in records]) for name in names]
    fields = [
        column_of(pa.field(name, array.type)).described(pa.field(name, array.type))
        for name, array in zip(names, arrays, strict=True)
    ]
    return TableStream.of(pa.table(arrays, schema=pa.schema(fields)))


def _column(values: list[object]) -> pa.Array:
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([_text(value) for value in values], pa.string())
    if pa.types.is_struct(array.type) or pa.types.is_null(array.type):
        return pa.array([_text(value) for value in values], pa.string())
    return array


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False, separators=COMPACT)
