"""JSON by columns, which suits plots and data frames."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

import orjson

from esap.tables.encoders.base import Encoder, Footer, pieces
from esap.tables.encoders.joined import joined
from esap.tables.encoders.jsontext import columns_member, json_text, members
from esap.tables.stream import TableStream

__all__ = ["JsonColumns"]

IN_MEMORY = 1 << 23


class JsonColumns(Encoder):
    """`{"columns": [...], "data": {name: [...], ...}}` and the footer's members.

    A column cannot end before the last row has come, so the columns wait in a temporary file.
    """

    name = "json-columns"
    media_type = "application/vnd.esap.columns+json"
    extension = "json"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        names = stream.schema.names
        parts: list[list[tuple[int, int]]] = [[] for _ in names]
        with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            for piece in pieces(stream):
                for column, where in zip(piece.columns, parts, strict=True):
                    where.append((file.tell(), file.write(joined([",", json_text(column)]))))
            yield b"{%b,\n" % columns_member(stream.schema) + b'"data":{'
            for number, (name, where) in enumerate(zip(names, parts, strict=True)):
                yield b"%b%b:[" % (b",\n" if number else b"", orjson.dumps(name))
                for start, length in where:
                    file.seek(start)
                    text = file.read(length)
                    yield text[1:] if (start, length) == where[0] else text
                yield b"]"
            yield b"}%b}\n" % members(footer() if footer else {})
