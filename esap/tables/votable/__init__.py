"""VOTables, read as they arrive (IVOA VOTable 1.4)."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from esap.errors import UnreadableAnswer
from esap.tables.stream import TableStream
from esap.tables.votable.binary import read_binary
from esap.tables.votable.cells import check_sizes, is_plain
from esap.tables.votable.document import Document
from esap.tables.votable.elements import Serialization
from esap.tables.votable.fallback import read_document
from esap.tables.votable.source import utf8
from esap.tables.votable.tabledata import read_tabledata

__all__ = ["read_votable"]

READERS = {
    Serialization.TABLEDATA: read_tabledata,
    Serialization.BINARY: read_binary,
    Serialization.BINARY2: read_binary,
}


def read_votable(chunks: Iterable[bytes]) -> TableStream:
    """The results of a VOTable, its rows as they arrive.

    Raises `QueryRejected` with the service's own sentence, and `UnreadableAnswer` for what is not
    a whole VOTable: here for what can be seen before the first row, else while iterating.
    """
    document = Document(utf8(chunks))
    return TableStream(
        pa.schema([field.column.field() for field in document.fields]),
        _rows(document),
        overflowed=lambda: document.overflow,
        close=getattr(chunks, "close", lambda: None),
    )


def _rows(document: Document) -> Iterator[pa.RecordBatch]:
    fields, serialization = document.fields, document.serialization
    if serialization is Serialization.NONE:
        return iter(())
    if serialization not in READERS:
        raise UnreadableAnswer(
            f"The rows of the answer are a {serialization.value} file inside a VOTable, which "
            "is not read. Ask the service for another format."
        )
    check_sizes(fields, text=serialization is not Serialization.TABLEDATA)
    if all(map(is_plain, fields)):
        return READERS[serialization](document)
    return read_document(document)
