"""TABLEDATA: rows of text (VOTable 1.4, section 5.1), read by the CSV reader of Arrow.

What neither `rowtext` nor Arrow can read is left to astropy, block by block.
"""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from esap.errors import UnreadableAnswer
from esap.tables.votable import fallback
from esap.tables.votable.blocks import MAX_ROW, grown
from esap.tables.votable.cells import null_of, shape_of, with_nulls
from esap.tables.votable.document import Document
from esap.tables.votable.elements import Field
from esap.tables.votable.rowtext import (
    CELL,
    NEWLINE,
    RETURN,
    ROW,
    Cutter,
    Unusual,
    ends_in_an_aside,
)

__all__ = ["read_tabledata"]

TRUTHS = pa.array(["FALSE", "F", "0", "TRUE", "T", "1", "", "?"])
FIRST_TRUE, FIRST_UNKNOWN = 3, 6
HEXADECIMAL = re.compile(rb"(?:^|[\x1e\x1f])\s*0[xX]")


def read_tabledata(document: Document) -> Iterator[pa.RecordBatch]:
    """The rows of a table; the document is finished when they are."""
    reader = _Reader(document.fields)
    rows = b""
    for block in _blocks(document):
        rows = rows + block if rows else block
        if rows and not ends_in_an_aside(rows):
            yield reader.read(rows)
            rows = b""
    if rows:
        raise UnreadableAnswer("The answer has a comment without an end among its rows.")


def _blocks(document: Document) -> Iterator[bytes]:
    """Blocks that end with a row, without prefixes; then the rest of the document is read."""
    opening, closing = b"<" + document.prefix, b"</" + document.prefix
    row_end, table_end = closing + b"TR>", closing + b"TABLEDATA"

    def plain(rows: bytes) -> bytes:
        rows = rows.strip()
        return rows.replace(closing, b"</").replace(opening, b"<") if document.prefix else rows

    rest = b""
    for block in grown(document.rest()):
        buffer = rest + block
        if (end := buffer.find(table_end)) >= 0:
            yield plain(buffer[:end])
            document.finish(buffer[end:])
            return
        end = buffer.rfind(row_end)
        cut = end + len(row_end) if end >= 0 else 0
        yield plain(buffer[:cut])
        rest = buffer[cut:]
        if len(rest) > MAX_ROW:
            raise UnreadableAnswer("The answer has a row of more than 16 MB; it is refused.")
    raise UnreadableAnswer("The answer is cut off among its rows. Ask again, or for fewer rows.")


class _Reader:
    """Reads blocks of whole rows."""

    def __init__(self, fields: list[Field]) -> None:
        self._fields = fields
        self._schema = pa.schema([field.column.field() for field in fields])
        self._nulls = [null_of(field) for field in fields]
        self._lengths = [shape_of(field).count for field in fields]
        self._cutter = Cutter()
        names = [str(number) for number in range(len(fields))]
        self._reading = csv.ReadOptions(column_names=names, block_size=1 << 30, use_threads=False)
        self._parsing = csv.ParseOptions(
            delimiter=CELL.decode(), quote_char=False, ignore_empty_lines=False
        )
        self._converting = csv.ConvertOptions(
            column_types=dict(zip(names, map(_read_as, self._schema.types), strict=True)),
            null_values=["", "NaN"],
            strings_can_be_null=False,
        )

    def read(self, rows: bytes) -> pa.RecordBatch:
        try:
            return self._batch(self._cutter.cut(rows))
        except (Unusual, pa.ArrowInvalid):
            return fallback.read_rows(rows, self._fields)

    def _batch(self, text: bytes) -> pa.RecordBatch:
        lines = text.replace(ROW, b"\n") + b"\n"
        table = csv.read_csv(pa.BufferReader(lines), self._reading, self._parsing, self._converting)
        standins = [
            (standin.decode(), character)
            for standin, character in ((NEWLINE, "\n"), (RETURN, "\r"))
            if standin in text
        ]
        columns = []
        for cells, kind, null, length in zip(
            table.columns, self._schema.types, self._nulls, self._lengths, strict=True
        ):
            column = cells.combine_chunks()
            if pa.types.is_string(column.type):
                for standin, character in standins:
                    column = pc.replace_substring(column, standin, character)
                column = pc.ascii_trim_whitespace(column)  # as astropy does
            columns.append(_column(column, kind, null, length))
        if any(map(_has_negative, columns)) and _has_hexadecimal(text):
            raise Unusual  # Arrow reads 0xFFFF as a short of -1
        return pa.record_batch(columns, schema=self._schema)


def _has_negative(column: pa.Array) -> bool:
    return pa.types.is_integer(column.type) and bool((pc.min(column).as_py() or 0) < 0)


def _has_hexadecimal(text: bytes) -> bool:
    # One character is found much faster than two, and two much faster than a pattern.
    return (
        (b"x" in text or b"X" in text)
        and (b"0x" in text or b"0X" in text)
        and HEXADECIMAL.search(text) is not None
    )


def _read_as(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_boolean(kind) or pa.types.is_list(kind) else kind


def _column(cells: pa.Array, kind: pa.DataType, null: float | None, length: int | None) -> pa.Array:
    if pa.types.is_boolean(kind):
        return _truths(cells)
    if pa.types.is_list(kind):
        return _lists(cells, kind, null, length)
    return with_nulls(cells, null)


def _truths(cells: pa.Array) -> pa.Array:
    """VOTable 1.4, section 6 `boolean`."""
    found = pc.index_in(pc.ascii_upper(cells), TRUTHS)
    if found.null_count:
        raise Unusual
    return pc.if_else(
        pc.greater_equal(found, FIRST_UNKNOWN), None, pc.greater_equal(found, FIRST_TRUE)
    )


def _lists(cells: pa.Array, kind: pa.ListType, null: float | None, length: int | None) -> pa.Array:
    """Numbers between white space; an empty cell is null."""
    present = pc.if_else(pc.equal(cells, ""), None, cells)
    parts = pc.ascii_split_whitespace(present)
    if pa.types.is_boolean(kind.value_type):
        values = _truths(parts.values)
    else:
        values = with_nulls(pc.cast(parts.values, kind.value_type), null)
    if length is not None and pc.any(pc.not_equal(pc.list_value_length(parts), length)).as_py():
        raise Unusual
    return pa.ListArray.from_arrays(parts.offsets, values, type=kind, mask=pc.is_null(parts))
