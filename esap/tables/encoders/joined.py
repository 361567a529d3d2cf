"""Rows of text from columns of text, joined by Arrow."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["contents", "has_any", "joined"]


def joined(parts: Sequence[pa.Array | str]) -> bytes:
    """The parts of each row one after another, rows one after another.

    The arrays, at least one, are all of text or all binary, and have no nulls.
    """
    kind = next(part.type for part in parts if isinstance(part, pa.Array))
    return bytes(contents(pc.binary_join_element_wise(*parts, pa.scalar("", kind))))


def has_any(text: pa.StringArray, bytes_marked: npt.NDArray[np.bool_]) -> bool:
    """Whether the text has any of the bytes that the table of 256 marks."""
    return bool(bytes_marked[np.frombuffer(contents(text), dtype=np.uint8)].any())


def contents(text: pa.Array) -> memoryview:
    """The bytes of all values, which lie one after another."""
    _, offsets, data = text.buffers()
    if data is None:
        return memoryview(b"")
    bounds = np.frombuffer(offsets, dtype=np.int32)[text.offset : text.offset + len(text) + 1]
    return memoryview(data)[bounds[0] : bounds[-1]]
