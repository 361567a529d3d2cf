"""The XML around a VOTable's rows: what expat reads, with the rows cut out.

Expat sees a well-formed document whose table is empty, so that structure, namespaces, entities
and the answer's end are judged by an XML parser, and the rows by faster means.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from xml.parsers import expat

from esap.errors import QueryRejected, TooLarge, UnreadableAnswer
from esap.tables.columns import SCALARS, Column, distinct

__all__ = ["Document", "Field", "Serialization"]

MAX_HEAD = 1 << 24
# A tag in whose element rows may begin; expat is asked whether they do.
OPENING = re.compile(
    rb"<(?:[\w.-]+:)?(?:TABLEDATA|STREAM)(?=[\s/>])(?:\"[^\"]*\"|'[^']*'|[^'\">])*>"
)
SAID = ("unit", "ucd", "utype", "description", "xtype")
# What writers of old, and others, call the types of VOTable.
ALIASES = {
    "string": "char",
    "unicodeString": "unicodeChar",
    "int16": "short",
    "int32": "int",
    "int64": "long",
    "float32": "float",
    "float64": "double",
    "unsignedShort": "int",
    "unsignedInt": "long",
}


class Serialization(Enum):
    """How the rows are written (VOTable 1.4, section 5)."""

    NONE = ""
    TABLEDATA = "TABLEDATA"
    BINARY = "BINARY"
    BINARY2 = "BINARY2"
    FITS = "FITS"
    PARQUET = "PARQUET"


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and the value that stands for null in it."""

    column: Column
    null: str | None


class Document:
    """An answer that has been read up to its first row.

    The table is the first in a RESOURCE that is not of type `meta` (DALI 1.1, section 4.4: the
    results come in one of type `results`, which is also the default).
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.fields: list[Field] = []
        self.serialization = Serialization.NONE
        self.prefix = b""
        self.overflow = False
        self.head = bytearray()
        self._chunks = iter(chunks)
        self._rest = b""
        self._table = _Table()
        self._parser = _parser_for(self._table)
        self._read_head()
        self.fields = self._table.fields()
        self.table_number = self._table.number

    def rest(self) -> Iterator[bytes]:
        """The bytes from the first row on; what is not taken stays for `finish`."""
        if self._rest:
            piece, self._rest = self._rest, b""
            yield piece
        yield from self._chunks

    def finish(self, after_rows: bytes) -> None:
        """Read on from the tag that ends the rows to the end, and judge the whole."""
        self._table.rows_are_over = True
        self._feed(after_rows)
        for chunk in self.rest():
            self._feed(chunk)
        self._end()

    def copied(self) -> Iterator[bytes]:
        """The whole answer from its beginning, judged as it passes."""
        yield bytes(self.head)
        for chunk in self.rest():
            self._feed(chunk)
            yield chunk
        self._end()

    def _read_head(self) -> None:
        """Feed expat up to the tag after which the rows begin, or to the end."""
        pending = b""
        for chunk in self._chunks:
            pending += chunk
            while (opening := OPENING.search(pending)) is not None:
                self._feed_head(pending[: opening.end()])
                pending = pending[opening.end() :]
                if self._table.in_rows:
                    self._begin_rows(opening[0], pending)
                    return
            # A tag that is not complete begins at the last bracket.
            complete = max(pending.rfind(b"<"), 0)
            self._feed_head(pending[:complete])
            pending = pending[complete:]
        self._feed_head(pending)
        self._end()

    def _begin_rows(self, tag: bytes, rest: bytes) -> None:
        self._rest = rest
        self.serialization = self._table.serialization
        name = tag[1:].split(b":", 1)
        self.prefix = name[0] + b":" if len(name) > 1 and name[0].isalnum() else b""
        self._table.judge()

    def _feed_head(self, data: bytes) -> None:
        self.head += data
        if len(self.head) > MAX_HEAD:
            raise TooLarge("The answer has no rows in its first 16 MB; it is refused.")
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.Parse(data, False)  # noqa: FBT003 -- expat takes no keywords
        except expat.ExpatError as error:
            raise UnreadableAnswer(self._unreadable(error)) from error

    def _end(self) -> None:
        if not self.head.strip():
            raise UnreadableAnswer("The service's answer is empty.")
        try:
            self._parser.Parse(b"", True)  # noqa: FBT003
        except expat.ExpatError as error:
            raise UnreadableAnswer(self._unreadable(error)) from error
        self.overflow = self._table.overflow
        self._table.judge(complete=True)

    def _unreadable(self, error: expat.ExpatError) -> str:
        if self._table.depth == 0 and not self.head.lstrip().startswith(b"<"):
            return "The service's answer is not a VOTable: it is not XML."
        if error.code in _CUT_OFF:
            return "The answer is cut off before its end. Ask again, or for fewer rows."
        reason = expat.errors.messages.get(error.code, "")
        return f"The service's answer is not well-formed XML ({reason}, line {error.lineno})."


_CUT_OFF = {
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


def _parser_for(table: "_Table") -> expat.XMLParserType:
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.StartElementHandler = table.start
    parser.EndElementHandler = table.end
    parser.CharacterDataHandler = table.text
    return parser


def _refuse_declarations(
    name: str,
    _system: str | None,
    _public: str | None,
    has_subset: bool,  # noqa: FBT001 -- expat's signature
    /,
) -> None:
    """Entities are refused; a DTD, to which old services point, is not fetched."""
    if name.lower() == "html":
        raise UnreadableAnswer("The service answered with a web page instead of a table.")
    if has_subset:
        raise UnreadableAnswer("The answer declares XML entities of its own, which is not safe.")


class _Table:
    """What the elements outside the rows say."""

    def __init__(self) -> None:
        self.depth = 0
        self.in_rows = False
        self.rows_are_over = False
        self.overflow = False
        self.number = -1
        self.serialization = Serialization.NONE
        self._path: list[str] = []
        self._resources: list[str] = []
        self._found = self._inside = False
        self._fields: list[dict[str, str]] = []
        self._nulls: dict[str, str] = {}
        self._infos: list[dict[str, str]] = []
        self._text: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if self.depth == 0:
            _check_root(name)
        self.depth += 1
        self._path.append(name)
        if name == "RESOURCE":
            self._resources.append(attributes.get("type", "results"))
        elif name == "INFO" or (name == "PARAM" and not self._inside):
            self._infos.append(attributes)
            self._text = []
        elif name == "TABLE" and not self._found:
            self.number += 1
            self._found = self._inside = self._resources[-1:] != ["meta"]
        elif self._inside:
            self._start_in_table(name, attributes)

    def _start_in_table(self, name: str, attributes: dict[str, str]) -> None:
        if name == "FIELD":
            self._fields.append(attributes)
        elif name == "DESCRIPTION" and self._path[-2] == "FIELD":
            self._text = []
        elif name == "VALUES" and self._path[-2] == "FIELD":
            self._take_null(attributes)
        elif name in ("BINARY", "BINARY2", "FITS", "PARQUET"):
            self.serialization = Serialization(name)
        elif name == "TABLEDATA":
            self.serialization = Serialization.TABLEDATA
            self.in_rows = True
        elif name == "STREAM":
            if "href" in attributes:
                raise UnreadableAnswer(
                    "The rows are in another file, which the answer only points to; this is not "
                    "followed."
                )
            self.in_rows = True

    def _take_null(self, attributes: dict[str, str]) -> None:
        null = attributes.get("null") or self._nulls.get(attributes.get("ref", ""))
        if null is not None:
            self._fields[-1]["null"] = null
            self._nulls[attributes.get("ID", "")] = null

    def end(self, tag: str) -> None:
        name = self._path.pop()
        self.depth -= 1
        if name in ("TABLEDATA", "STREAM"):
            self.in_rows = False
        elif name == "TABLE":
            self._inside = False
        elif name == "RESOURCE":
            self._resources.pop()
        elif self._text is not None and name in ("INFO", "PARAM"):
            self._infos[-1]["text"] = self._told()
            self._note_overflow(self._infos[-1])
        elif self._text is not None and name == "DESCRIPTION" and self._path[-1] == "FIELD":
            self._fields[-1]["description"] = self._told()

    def _told(self) -> str:
        told = " ".join("".join(self._text or ()).split())
        self._text = None
        return told

    def text(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
        elif self.rows_are_over and self.in_rows and text.strip():
            raise UnreadableAnswer("The rows of the answer are broken by markup; it is refused.")

    def _note_overflow(self, info: dict[str, str]) -> None:
        status = info.get("name") == "QUERY_STATUS" and info.get("value", "").strip().upper()
        self.overflow = self.overflow or status == "OVERFLOW"

    def judge(self, *, complete: bool = False) -> None:
        """Raise what the service says is wrong (DALI 1.1, section 4.4; Cone Search 1.03, 2.3)."""
        for info in self._infos:
            value = info.get("value", "").strip()
            if info.get("name") == "QUERY_STATUS" and value.upper().startswith("ERROR"):
                raise QueryRejected(_sentence(info.get("text") or value[5:].strip(" :")))
        if complete and not self._fields:
            for info in self._infos:
                if info.get("name", "").lower() == "error":
                    raise QueryRejected(_sentence(info.get("value") or info.get("text", "")))
            raise UnreadableAnswer("The service's answer is a VOTable without a table.")

    def fields(self) -> list[Field]:
        columns = distinct(_column(attributes) for attributes in self._fields)
        return [
            Field(column, attributes.get("null"))
            for column, attributes in zip(columns, self._fields, strict=True)
        ]


def _check_root(name: str) -> None:
    if name.lower() == "html":
        raise UnreadableAnswer("The service answered with a web page instead of a table.")
    if name != "VOTABLE":
        raise UnreadableAnswer(f"The service's answer is not a VOTable but an XML {name} document.")


def _sentence(told: str) -> str:
    return told or "The service rejected the query without saying why."


def _column(attributes: dict[str, str]) -> Column:
    datatype = attributes.get("datatype", "char")
    datatype = ALIASES.get(datatype, datatype)
    if datatype not in SCALARS:
        raise UnreadableAnswer(f"The answer has a column of an unknown type, {datatype}.")
    said = {key: attributes.get(key) or None for key in SAID}
    name = attributes.get("name") or attributes.get("ID", "")
    arraysize = attributes.get("arraysize", "").replace(" ", "") or None
    return Column(name, datatype, arraysize, **said)
