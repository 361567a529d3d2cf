"""What it means that our table holds the values that astropy reads."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io.votable import parse
from astropy.io.votable.tree import TableElement

from esap.tables.votable import read_votable

__all__ = ["assert_same_values", "astropy_table", "in_chunks", "read"]


def in_chunks(content: bytes, size: int = 1 << 16) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def read(content: bytes, size: int = 1 << 16) -> pa.Table:
    table = read_votable(in_chunks(content, size)).read_all()
    table.validate(full=True)
    return table


def astropy_table(content: bytes, number: int | None = None) -> TableElement:
    return parse(BytesIO(content), verify="ignore", table_number=number).get_first_table()


def assert_same_values(
    ours: pa.Table, theirs: TableElement, *, empty_integers: bool = False
) -> None:
    """Every cell is equal; what astropy masks, and NaN, is null here.

    With `empty_integers`, a null integer may be 0 there.
    """
    array = theirs.array
    names = array.dtype.names or ()
    assert ours.num_columns == len(names)
    assert ours.num_rows == len(array)
    for column, name in zip(ours.columns, names, strict=True):
        for row, (mine, cell) in enumerate(zip(column.to_pylist(), array[name], strict=True)):
            if empty_integers and mine is None and pa.types.is_integer(column.type):
                assert np.ma.filled(cell, 0) == 0
            else:
                assert same(mine, cell), f"{name}, row {row}: {mine!r} is not {cell!r}"


def same(mine: Any, cell: Any) -> bool:
    if isinstance(cell, str):  # which astropy never masks, and cuts to the declared length
        return (mine or "") == cell or (len(cell) > 0 and (mine or "").startswith(cell))
    values = flat(cell)
    given = mine if isinstance(mine, list) else [mine]
    if all(value is None for value in [*values, *given]):
        return True
    return len(values) == len(given) and all(map(equal, given, values))


def flat(cell: Any) -> list[Any]:
    array = np.ma.asarray(cell).ravel()
    if array.dtype == object:
        return [item for part in array.tolist() for item in flat(part)]
    if np.iscomplexobj(array):
        array = np.ma.stack([array.real, array.imag], axis=1).ravel()
    return [None if value != value else value for value in array.tolist()]  # noqa: PLR0124 -- NaN


def equal(mine: Any, value: Any) -> bool:
    if isinstance(mine, float) and isinstance(value, float):
        # In arrays of variable length, astropy keeps a `float` as the double its text says.
        return mine == value or np.float32(mine) == np.float32(value)
    return type(mine) is type(value) and mine == value
