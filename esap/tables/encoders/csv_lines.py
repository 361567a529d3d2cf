"""CSV (RFC 4180), with a line of names."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.encoders.base import Encoder, Footer, pieces
from esap.tables.encoders.joined import has_any, joined
from esap.tables.encoders.jsontext import json_text
from esap.tables.encoders.plain import plain
from esap.tables.stream import TableStream

__all__ = ["Csv"]

QUOTED = np.zeros(256, dtype=np.bool_)
QUOTED[list(b'",\r\n')] = True


class Csv(Encoder):
    """What is missing is empty, text without characters is `""`, a list is JSON."""

    name = "csv"
    media_type = "text/csv"
    extension = "csv"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        names = _quoted(pa.array(stream.schema.names, pa.string())).to_pylist()
        yield (",".join(names) + "\r\n").encode()
        # A line without characters would be no row to most readers.
        missing = '""' if len(names) == 1 else ""
        for piece in pieces(stream):
            parts: list[pa.Array | str] = []
            for column in piece.columns:
                parts += [_text(column).fill_null(missing), ","]
            yield joined([*parts[:-1], "\r\n"])


def _text(column: pa.Array) -> pa.StringArray:
    column = plain(column)
    if pa.types.is_list(column.type):
        return _quoted(pc.if_else(column.is_null(), None, json_text(column)))
    return _quoted(column) if pa.types.is_string(column.type) else column.cast(pa.string())


def _quoted(text: pa.StringArray) -> pa.StringArray:
    empty = pc.equal(text, "")
    if has_any(text, QUOTED):
        quotes = pc.or_(empty, pc.match_substring_regex(text, r'[",\r\n]'))
    elif empty.true_count:
        quotes = empty
    else:
        return text
    doubled = pc.replace_substring(text, '"', '""')
    return pc.if_else(quotes, pc.binary_join_element_wise('"', doubled, '"', ""), text)
