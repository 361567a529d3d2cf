"""How large a cell is, and which numbers mean that there is no number."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from esap.errors import UnreadableAnswer
from esap.tables.columns import TEXT, arrow_type
from esap.tables.votable.elements import Field

__all__ = ["Shape", "check_sizes", "is_plain", "null_of", "shape_of", "with_nulls"]

ITEMS = {
    "boolean": "u1",
    "unsignedByte": "u1",
    "short": ">i2",
    "int": ">i4",
    "long": ">i8",
    "float": ">f4",
    "double": ">f8",
    "char": "u1",
    "unicodeChar": ">u2",
}
MAX_CELL = 1 << 21
TEXT_SIZE = re.compile(r"\d*\*|[1-9]\d*")
ARRAY_SIZE = re.compile(r"\d*\*|[1-9]\d*(x[1-9]\d*)*")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a cell is made of; without a `count`, it begins with one of its own."""

    item: npt.DTypeLike
    count: int | None


def is_plain(field: Field) -> bool:
    """Whether our readers know the field's cells.

    Left to astropy are bits, complex numbers, arrays of text, arrays of several dimensions of which
    the last is variable, and sizes that are none.
    """
    column = field.column
    sizes = TEXT_SIZE if column.datatype in TEXT else ARRAY_SIZE
    return column.datatype in ITEMS and sizes.fullmatch(column.arraysize or "1") is not None


def check_sizes(fields: Iterable[Field], *, text: bool) -> None:
    """Refuse cells of a size that no row can have, before memory is taken for them.

    The size of `text` may be any where it is not the size of a cell.
    """
    for column in (field.column for field in fields if text or field.column.datatype not in TEXT):
        sizes = (column.arraysize or "1").split("x")
        if prod(int(size) for size in sizes if size.isdigit()) > MAX_CELL:
            raise UnreadableAnswer(
                f"The answer has more than {MAX_CELL} values in each cell of {column.name}; it is "
                "refused."
            )


def shape_of(field: Field) -> Shape:
    """The shape of a plain field's cells."""
    item, size = ITEMS[field.column.datatype], field.column.arraysize or "1"
    if size.endswith("*"):
        return Shape(item, None)
    return Shape(item, prod(int(length) for length in size.split("x")))


def null_of(field: Field) -> int | float | None:
    """The field's null value; None if there is none, or it is not one of the field's type."""
    kind = arrow_type(field.column.datatype, None)
    if field.null is None or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    text = field.null.strip().lower()
    with contextlib.suppress(ValueError, OverflowError):
        if pa.types.is_floating(kind):
            return float(text)
        null = int(text, 16 if text.startswith("0x") else 10)
        limits = np.iinfo(kind.to_pandas_dtype())
        return null if limits.min <= null <= limits.max else None
    return None


def with_nulls(values: pa.Array, null: float | None) -> pa.Array:
    """`values` with NaN and the declared null value made null (VOTable 1.4, section 4.7)."""
    if pa.types.is_floating(values.type) and (nans := pc.is_nan(values)).true_count:
        values = pc.if_else(nans, None, values)
    if null is not None:
        nulls = pc.equal(values, pa.scalar(null, values.type))
        values = pc.if_else(nulls, None, values) if nulls.true_count else values
    return values
