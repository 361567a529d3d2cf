"""Columns as VOTable 1.4 can hold them."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.columns import Column, arrow_type, column_of
from esap.tables.encoders.jsontext import json_text
from esap.tables.encoders.plain import plain

__all__ = ["NULLS_IN_LISTS", "cells_of", "votable_column"]

# Within an array of integers only an integer can stand for null (section 4.7). A wider type has one
# to spare; the widest gives its least.
WIDER = {"unsignedByte": "short", "short": "int", "int": "long"}
NULLS_IN_LISTS = {"short": -(1 << 15), "int": -(1 << 31), "long": -(1 << 63)}


def votable_column(field: pa.Field) -> Column:
    """The FIELD for an Arrow field.

    Text is `unicodeChar`, for `char` is ASCII (section 2.1) and peers do not keep to that; what has
    no type in VOTable is text too, arrays of text as JSON. An array has a fixed size only if Arrow
    vouches for it.
    """
    column, kind = column_of(field), plain(pa.array([], field.type)).type
    if not pa.types.is_list(kind):
        if kind == pa.uint64() or (pa.types.is_string(kind) and pa.types.is_temporal(field.type)):
            return replace(column, datatype="char", arraysize="*")
        if pa.types.is_string(kind):
            return replace(column, datatype="unicodeChar", arraysize="*")
        return replace(column, datatype=column_of(pa.field("", kind)).datatype, arraysize=None)
    if pa.types.is_string(kind.value_type):
        return replace(column, datatype="unicodeChar", arraysize="*")
    datatype = column_of(pa.field("", kind.value_type)).datatype
    fixed = pa.types.is_fixed_size_list(field.type)
    return replace(
        column,
        datatype=WIDER.get(datatype, datatype),
        arraysize=str(field.type.list_size) if fixed else "*",
    )


def cells_of(array: pa.Array, column: Column) -> pa.Array:
    """The values of `array` in the Arrow type of a column that `votable_column` gave."""
    kind = arrow_type(column.datatype, column.arraysize)
    values = plain(array)
    if pa.types.is_string(kind) and pa.types.is_list(values.type):
        values = pc.if_else(values.is_null(), None, json_text(values))
    return values if values.type == kind else values.cast(kind)
