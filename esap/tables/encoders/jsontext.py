"""Columns as JSON values (RFC 8259), each value as text."""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.columns import column_of
from esap.tables.encoders.joined import has_any
from esap.tables.encoders.plain import plain

__all__ = ["columns_member", "json_text", "members"]

ESCAPED = np.zeros(256, dtype=np.bool_)
ESCAPED[:32] = True
ESCAPED[list(b'"\\')] = True


def columns_member(schema: pa.Schema) -> bytes:
    """What is known of the columns, each once."""
    return b'"columns":' + orjson.dumps([asdict(column_of(field)) for field in schema])


def members(footer: Mapping[str, object]) -> bytes:
    """Further members of an object that has some."""
    return b"".join(
        b",%b:%b" % (orjson.dumps(key), orjson.dumps(value)) for key, value in footer.items()
    )


def json_text(array: pa.Array) -> pa.StringArray:
    """Each value as JSON; what is missing, not a number or infinite is null."""
    array = plain(array)
    if pa.types.is_list(array.type):
        text = _lists(array)
    elif pa.types.is_string(array.type):
        text = _quoted(array)
    else:
        if pa.types.is_floating(array.type):
            array = pc.if_else(pc.is_finite(array), array, None)
        text = array.cast(pa.string())
    return text.fill_null("null") if text.null_count else text


def _lists(array: pa.ListArray) -> pa.StringArray:
    values = pa.ListArray.from_arrays(array.offsets, json_text(array.values), mask=array.is_null())
    return pc.binary_join_element_wise("[", pc.binary_join(values, ","), "]", "")


def _quoted(array: pa.StringArray) -> pa.StringArray:
    if not has_any(array, ESCAPED):
        return pc.binary_join_element_wise('"', array, '"', "")
    told = [None if text is None else orjson.dumps(text).decode() for text in array.to_pylist()]
    return pa.array(told, pa.string())
