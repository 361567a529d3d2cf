"""Arrow's many types as the few that text formats and VOTable have words for."""

import orjson
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["plain"]


PLAIN = {pa.string(), pa.float32(), pa.float64()}
TO_SECONDS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def plain(array: pa.Array) -> pa.Array:  # noqa: PLR0911 -- a table of cases
    """The same values as numbers, truths, text, or lists of them.

    Instants become ISO 8601 in UTC, durations seconds, bytes hexadecimal, nested values JSON.
    """
    types, kind = pa.types, array.type
    if types.is_dictionary(kind):
        return plain(array.dictionary_decode())
    if types.is_boolean(kind) or types.is_integer(kind) or kind in PLAIN:
        return array
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return _plain_list(array)
    if types.is_timestamp(kind):
        return _iso(array)
    if types.is_duration(kind):
        return pc.divide(array.cast(pa.int64()).cast(pa.float64()), TO_SECONDS[kind.unit])
    if types.is_decimal(kind):
        return array.cast(pa.float64())
    if types.is_float16(kind):
        return array.cast(pa.float32())
    if _is_text(kind) or types.is_date(kind) or types.is_time(kind) or types.is_null(kind):
        return array.cast(pa.string())
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return pa.array(
            [None if value is None else value.hex() for value in array.to_pylist()], pa.string()
        )
    return _as_json(array)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain_list(array: pa.Array) -> pa.Array:
    """Offsets from 0 over plain values; lists of lists become JSON."""
    values = plain(array.flatten())
    if pa.types.is_nested(values.type) or pa.types.is_nested(array.type.value_type):
        return _as_json(array)
    lengths = pc.fill_null(pc.cast(pc.list_value_length(array), pa.int32()), 0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())


def _iso(array: pa.TimestampArray) -> pa.StringArray:
    """Without a zone, a time is in UTC. A fraction of zeros is left out."""
    text = pc.cast(pc.cast(array, pa.timestamp(array.type.unit)), pa.string())
    text = pc.replace_substring(text, " ", "T")
    fractions = pc.replace_substring_regex(text, r"\.0+$", "")
    return pc.binary_join_element_wise(fractions, "Z", "")


def _as_json(array: pa.Array) -> pa.StringArray:
    told = [
        None if value is None else orjson.dumps(value, default=_told).decode()
        for value in array.to_pylist()
    ]
    return pa.array(told, pa.string())


def _told(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
