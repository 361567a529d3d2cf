"""BINARY and BINARY2: rows of big-endian numbers in base64 (VOTable 1.4, sections 5.3 and 5.4).

A row is runs of cells of fixed width, each run but the last followed by a cell that says its own
length. Python finds where the cells of a block lie; their contents move in bulk.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from struct import Struct
from struct import error as OutOfBytes  # noqa: N812 -- it is a class, and means this here
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from esap.errors import UnreadableAnswer
from esap.tables.votable.blocks import MAX_ROW, grown
from esap.tables.votable.cells import null_of, shape_of
from esap.tables.votable.document import Document
from esap.tables.votable.elements import Field, Serialization

__all__ = ["read_binary"]

Indices = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

COUNT = Struct(">I")
CUT_OFF = "The answer is cut off among its rows. Ask again, or for fewer rows."

FALSE, TRUE, UNKNOWN, INVALID = range(4)
TRUTHS = np.full(256, INVALID, dtype=np.uint8)
TRUTHS[list(b"Ff0")], TRUTHS[list(b"Tt1")], TRUTHS[list(b"\0 ?")] = FALSE, TRUE, UNKNOWN


def read_binary(document: Document) -> Iterator[pa.RecordBatch]:
    """The rows of a table; the document is finished when they are."""
    rows = _Rows(document.fields, flagged=document.serialization is Serialization.BINARY2)
    rest = b""
    for block in grown(_decoded(document)):
        raw = rest + block
        batch, used = rows.read(raw)
        if batch.num_rows:
            yield batch
        rest = raw[used:]
        if len(rest) > MAX_ROW:
            raise UnreadableAnswer("The answer has a row of more than 16 MB; it is refused.")
    if rest:
        raise UnreadableAnswer(CUT_OFF)


def _decoded(document: Document) -> Iterator[bytes]:
    """The bytes of the STREAM; then the rest of the document is read."""
    kept = b""
    for piece in document.rest():
        end = piece.find(b"<")
        text = kept + (piece if end < 0 else piece[:end]).translate(None, b" \t\r\n")
        whole = len(text) & ~3
        kept = text[whole:]
        try:
            yield a2b_base64(text[:whole], strict_mode=True)
        except Base64Error as error:
            raise UnreadableAnswer(f"The rows of the answer are not base64: {error}.") from error
        if end >= 0:
            document.finish(piece[end:])
            break
    else:
        raise UnreadableAnswer(CUT_OFF)
    if kept:
        raise UnreadableAnswer(CUT_OFF)


class _Rows:
    """Reads rows of one layout, block by block.

    A cell of fixed width is a field of its run; a counted cell is known by the run it follows.
    """

    def __init__(self, fields: list[Field], *, flagged: bool) -> None:
        self._fields = fields
        self._schema = pa.schema([field.column.field() for field in fields])
        self._nulls = [null_of(field) for field in fields]
        self._flagged = flagged
        self._runs: list[np.dtype[Any]] = []
        self._items: list[np.dtype[Any]] = []  # what the counted cell after each run is made of
        self._places: list[tuple[int, bool]] = []  # a cell's run, and whether it is counted
        run: list[tuple[str, Any, tuple[int, ...]]] = []
        if flagged:
            run.append(("flags", "u1", ((len(fields) + 7) // 8,)))
        for number, field in enumerate(fields):
            shape = shape_of(field)
            if shape.count is None:
                self._places.append((len(self._runs), True))
                self._runs.append(np.dtype([*run, ("count", ">u4", ())]))
                self._items.append(np.dtype(shape.item))
                run = []
            else:
                self._places.append((len(self._runs), False))
                run.append((str(number), shape.item, (shape.count,)))
        self._runs.append(np.dtype(run))

    def read(self, raw: bytes) -> tuple[pa.RecordBatch, int]:
        """The complete rows at the beginning of `raw`, and how many bytes they take."""
        starts, used = self._find(raw)
        runs = [_gathered(raw, starts[:, k], run) for k, run in enumerate(self._runs)]
        flags = np.unpackbits(runs[0]["flags"], axis=1).astype(bool) if self._flagged else None
        columns = []
        for number, (run, counted) in enumerate(self._places):
            missing = flags[:, number] if flags is not None and flags[:, number].any() else None
            if counted:
                begins, ends = starts[:, run] + self._runs[run].itemsize, starts[:, run + 1]
                column = self._counted(
                    number, _pieces(raw, begins, ends), self._items[run], missing
                )
            else:
                column = self._fixed(number, runs[run][str(number)], missing)
            columns.append(column)
        return pa.record_batch(columns, schema=self._schema), used

    def _find(self, raw: bytes) -> tuple[Indices, int]:
        """Where the runs of each complete row start, and where the last of them ends."""
        *widths, last = (run.itemsize for run in self._runs)
        if not widths:
            rows = len(raw) // last
            return np.arange(0, rows * last, last).reshape(rows, 1), rows * last
        ends, end = self._ends(raw, widths, last)
        rows = len(ends) // len(widths)
        starts = np.zeros((rows, len(self._runs)), dtype=np.int64)
        starts[:, 1:] = ends.reshape(rows, len(widths))
        starts[1:, 0] = starts[:-1, -1] + last
        return starts, end

    def _ends(self, raw: bytes, widths: list[int], last: int) -> tuple[Indices, int]:
        """Where the counted cells of each row end, and the last complete row.

        The one loop over rows in Python: half the time of reading goes here.
        """
        size, count = len(raw), COUNT.unpack_from
        steps = [
            (width - COUNT.size, width, item.itemsize)
            for width, item in zip(widths, self._items, strict=True)
        ]
        found: list[int] = []
        append = found.append
        at = end = 0
        complete = 0
        try:
            while at <= size:
                end, complete = at, len(found)
                for offset, width, item in steps:
                    at += width + item * count(raw, at + offset)[0]
                    append(at)
                at += last
        except OutOfBytes:
            pass
        return np.array(found[:complete], dtype=np.int64), end

    def _fixed(self, number: int, cells: npt.NDArray[Any], missing: Truths | None) -> pa.Array:
        kind = self._schema.types[number]
        if pa.types.is_string(kind):
            return _text(_padded(cells), cells.dtype, missing)
        if not pa.types.is_list(kind):
            return _numbers(cells[:, 0], kind, self._nulls[number], missing)
        values = _numbers(cells.ravel(), kind.value_type, self._nulls[number], None)
        rows, length = cells.shape
        return _lists(np.arange(0, (rows + 1) * length, length), values, kind, missing)

    def _counted(
        self, number: int, pieces: pa.BinaryArray, item: np.dtype[Any], missing: Truths | None
    ) -> pa.Array:
        kind = self._schema.types[number]
        if pa.types.is_string(kind):
            return _text(pieces, item, missing)
        _, offsets, data = pieces.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32, count=len(pieces) + 1)
        cells = np.frombuffer(data or b"", dtype=item, count=ends[-1] // item.itemsize)
        values = _numbers(cells, kind.value_type, self._nulls[number], None)
        return _lists(ends // item.itemsize, values, kind, missing)


def _gathered(raw: bytes, starts: Indices, run: np.dtype[Any]) -> npt.NDArray[Any]:
    """The run of every row, one after another."""
    if not len(starts) or not run.itemsize:
        return np.empty(len(starts), dtype=run)
    # Every place of `raw` seen as the beginning of a run, of which the true ones are copied.
    places = np.ndarray(
        len(raw) - run.itemsize + 1, dtype=f"V{run.itemsize}", buffer=raw, strides=(1,)
    )
    return places[starts].view(run)


def _pieces(raw: bytes | npt.NDArray[Any], begins: Indices, ends: Indices) -> pa.BinaryArray:
    """The pieces of `raw` between rising bounds, copied together.

    They and the gaps between them are one binary array over `raw`, of which Arrow takes every
    second element.
    """
    bounds = np.empty(2 * len(begins), dtype=np.int32)
    bounds[0::2], bounds[1::2] = begins, ends
    alternating = pa.Array.from_buffers(
        pa.binary(), max(len(bounds) - 1, 0), [None, pa.py_buffer(bounds), pa.py_buffer(raw)]
    )
    return alternating.take(pa.array(np.arange(0, len(bounds), 2)))


def _padded(cells: npt.NDArray[Any]) -> pa.BinaryArray:
    """Text of fixed width, up to its first NUL."""
    rows, width = cells.shape
    ended = cells == 0
    lengths = np.where(ended.any(axis=1), ended.argmax(axis=1), width)
    begins = np.arange(rows) * width * cells.itemsize
    return _pieces(np.ascontiguousarray(cells), begins, begins + lengths * cells.itemsize)


def _text(pieces: pa.BinaryArray, item: np.dtype[Any], missing: Truths | None) -> pa.Array:
    """`char` is ASCII by the standard and UTF-8 by custom; what is neither becomes U+FFFD."""
    if item.itemsize > 1:
        text = pa.array(_decode(pieces, "utf-16-be"), pa.string())
    else:
        try:
            text = pieces.cast(pa.string())
        except pa.ArrowInvalid:
            text = pa.array(_decode(pieces, "utf-8"), pa.string())
    return text if missing is None else pc.if_else(missing, None, text)


def _decode(pieces: pa.BinaryArray, encoding: str) -> list[str]:
    return [piece.decode(encoding, "replace") for piece in pieces.to_pylist()]


def _numbers(
    values: npt.NDArray[Any], kind: pa.DataType, null: float | None, missing: Truths | None
) -> pa.Array:
    if pa.types.is_boolean(kind):
        return _truths(values, missing)
    native = values.astype(values.dtype.newbyteorder("="))
    if null is not None:
        nulls = native == native.dtype.type(null)
        missing = nulls if missing is None else missing | nulls
    if missing is not None and native.dtype.kind == "f":
        missing = missing | np.isnan(native)
    return pa.array(native, mask=missing, from_pandas=True)  # which makes NaN null


def _truths(values: npt.NDArray[np.uint8], missing: Truths | None) -> pa.Array:
    truths = TRUTHS[values]
    if (truths == INVALID).any():
        raise UnreadableAnswer("The answer has a boolean that is neither true, false nor null.")
    unknown = truths == UNKNOWN
    return pa.array(truths == TRUE, mask=unknown if missing is None else unknown | missing)


def _lists(
    offsets: npt.NDArray[Any], values: pa.Array, kind: pa.ListType, missing: Truths | None
) -> pa.Array:
    mask = None if missing is None else pa.array(missing)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values, type=kind, mask=mask)
