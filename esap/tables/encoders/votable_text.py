"""VOTable with rows of text (TABLEDATA; VOTable 1.4, section 5.1)."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.columns import Column
from esap.tables.encoders.base import Encoder, Footer, pieces
from esap.tables.encoders.joined import joined
from esap.tables.encoders.votable_cells import NULLS_IN_LISTS, cells_of, votable_column
from esap.tables.encoders.votable_head import END, header, infos
from esap.tables.encoders.xmltext import xml_text
from esap.tables.stream import TableStream

__all__ = ["VotableText"]


class VotableText(Encoder):
    """Rows of text, which people can read; what is missing is empty."""

    name = "votable-td"
    media_type = "application/x-votable+xml;serialization=TABLEDATA"
    extension = "vot"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        columns = [votable_column(field) for field in stream.schema]
        yield header(stream.schema) + b"<DATA>\n<TABLEDATA>\n"
        for piece in pieces(stream):
            parts: list[pa.Array | str] = ["<TR>"]
            for array, column in zip(piece.columns, columns, strict=True):
                parts += ["<TD>", _text(array, column), "</TD>"]
            yield joined([*parts, "</TR>\n"])
        said = infos(footer() if footer else {}, overflow=stream.overflow)
        yield b"</TABLEDATA>\n</DATA>\n</TABLE>\n" + said + END


def _text(array: pa.Array, column: Column) -> pa.StringArray:
    cells = cells_of(array, column)
    if pa.types.is_list(cells.type):
        missing = str(NULLS_IN_LISTS.get(column.datatype, "NaN"))
        values = _scalars(cells.values).fill_null("?" if column.datatype == "boolean" else missing)
        listed = pa.ListArray.from_arrays(cells.offsets, values, mask=cells.is_null())
        return pc.binary_join(listed, " ").fill_null("")
    return _scalars(cells).fill_null("")


def _scalars(cells: pa.Array) -> pa.StringArray:
    if pa.types.is_string(cells.type):
        return xml_text(cells)
    if pa.types.is_boolean(cells.type):
        return pc.if_else(cells, "T", "F")
    text = cells.cast(pa.string())
    if pa.types.is_floating(cells.type) and (endless := pc.is_inf(cells)).true_count:
        text = pc.if_else(endless, pc.if_else(pc.greater(cells, 0), "+Inf", "-Inf"), text)
    if pa.types.is_floating(cells.type) and (nans := pc.is_nan(cells)).true_count:
        text = pc.if_else(nans, "NaN", text)
    return text
