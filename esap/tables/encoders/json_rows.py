"""JSON by rows: one document, or one object a line (NDJSON)."""

from collections.abc import Iterator

import orjson
import pyarrow as pa

from esap.tables.encoders.base import Encoder, Footer, pieces
from esap.tables.encoders.joined import joined
from esap.tables.encoders.jsontext import columns_member, json_text, members
from esap.tables.stream import TableStream

__all__ = ["JsonRows", "Ndjson", "rows_json"]


class JsonRows(Encoder):
    """`{"columns": [...], "rows": [[...], ...]}` and the footer's members."""

    name = "json"
    media_type = "application/json"
    extension = "json"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        yield b"{%b,\n" % columns_member(stream.schema) + b'"rows":['
        begun = False
        for piece in pieces(stream):
            rows = joined(_row(piece, ",\n[", [","] * (piece.num_columns - 1), "]"))
            yield rows if begun else rows[1:]
            begun = True
        yield b"]%b}\n" % members(footer() if footer else {})


class Ndjson(Encoder):
    """An object a row, keyed by the names of the columns."""

    name = "ndjson"
    media_type = "application/x-ndjson"
    extension = "ndjson"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        first, *others = (orjson.dumps(name).decode() + ":" for name in stream.schema.names)
        for piece in pieces(stream):
            yield joined(_row(piece, "{" + first, ["," + other for other in others], "}\n"))


def rows_json(batch: pa.RecordBatch) -> bytes:
    """The rows of a batch as one array of arrays, on one line."""
    if not batch.num_rows:
        return b"[]"
    return b"[%b]" % joined(_row(batch, ",[", [","] * (batch.num_columns - 1), "]"))[1:]


def _row(
    piece: pa.RecordBatch, opening: str, between: list[str], closing: str
) -> list[pa.Array | str]:
    parts: list[pa.Array | str] = []
    for before, column in zip([opening, *between], piece.columns, strict=True):
        parts += [before, json_text(column)]
    return [*parts, closing]
