"""What the streaming readers do not cover, read by astropy."""

import re
from collections.abc import Iterator
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa

from esap.errors import TooLarge, UnreadableAnswer
from esap.tables.columns import TEXT
from esap.tables.votable.document import Document
from esap.tables.votable.elements import Field

__all__ = ["read_document", "read_rows"]

IN_MEMORY, LIMIT = 1 << 22, 1 << 28  # astropy takes several times as much memory as the file
BATCH = 1 << 14
MAX_DIGITS = 5
TEXT_FIELD = re.compile(
    rb"<(?:[\w.-]+:)?FIELD\s(?=[^>]*datatype\s*=\s*[\"'](?:unicodeC|c)har\b)[^>]*>"
)
BOUND = re.compile(rb"\barraysize\s*=\s*([\"'])\s*\d+\s*\*\s*\1")


def read_document(document: Document) -> Iterator[pa.RecordBatch]:
    """The rows of a whole answer."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        file.write(_without_bounds(document.head))
        for chunk in document.copied():
            file.write(chunk)
            if file.tell() > LIMIT:
                raise TooLarge(
                    "The answer has cells of a rare kind and more than 256 MB. Ask for fewer rows "
                    "or columns."
                )
        file.seek(0)
        batch = _parse(cast("IO[bytes]", file), document.fields, document.table_number)
    yield from (batch.slice(start, BATCH) for start in range(0, batch.num_rows, BATCH))


def _without_bounds(head: bytes | bytearray) -> bytes:
    """The head with `*` for the size of text that is bounded, for which astropy takes memory."""
    return TEXT_FIELD.sub(lambda field: BOUND.sub(b'arraysize="*"', field[0]), head)


def read_rows(rows: bytes, fields: list[Field]) -> pa.RecordBatch:
    """Rows of TABLEDATA, cut out of an answer."""
    head = "".join(_field_element(number, field) for number, field in enumerate(fields))
    return _parse(
        BytesIO(
            b'<VOTABLE version="1.4"><RESOURCE><TABLE>%b<DATA><TABLEDATA>%b</TABLEDATA></DATA>'
            b"</TABLE></RESOURCE></VOTABLE>" % (head.encode(), rows)
        ),
        fields,
        number=0,
    )


def _field_element(number: int, field: Field) -> str:
    size = field.column.arraysize or ""
    if field.column.datatype in TEXT and (size.endswith("*") or len(size) > MAX_DIGITS):
        size = "*"
    size = f" arraysize={quoteattr(size)}" if size else ""
    null = f"<VALUES null={quoteattr(field.null)}/>" if field.null else ""
    return f'<FIELD name="c{number}" datatype="{field.column.datatype}"{size}>{null}</FIELD>'


def _parse(file: IO[bytes], fields: list[Field], number: int) -> pa.RecordBatch:
    """Table `number` of a document that expat has accepted, without entities or addresses."""
    # Astropy takes 0.5 s and 60 MB, and is rarely needed.
    from astropy.io.votable import parse  # noqa: PLC0415
    from astropy.io.votable.exceptions import VOWarning  # noqa: PLC0415

    schema = pa.schema([field.column.field() for field in fields])
    try:
        array = parse(file, table_number=number, verify="ignore").get_first_table().array
        columns = [
            pa.array([_value(cell) for cell in array[name]], kind, from_pandas=True)
            for name, kind in zip(array.dtype.names or (), schema.types, strict=True)
        ]
    except (VOWarning, ValueError, TypeError, LookupError, ArithmeticError, EOFError) as error:
        raise UnreadableAnswer(f"The rows of the answer cannot be read: {error}") from error
    return pa.record_batch(columns, schema=schema)


def _value(cell: Any) -> Any:
    """A cell as plain Python: None, a scalar, text, or the flat list of an array's values."""
    if cell is np.ma.masked:
        return None
    if isinstance(cell, str):
        return cell
    array = np.ma.asarray(cell)
    flat = array.ravel()
    if np.iscomplexobj(flat):
        flat = np.ma.stack([flat.real, flat.imag], axis=1).ravel()
    elif not array.ndim:
        return flat.tolist()[0]
    values = [None if value != value else value for value in flat.tolist()]  # noqa: PLR0124 -- NaN
    return values if any(value is not None for value in values) or not values else None
