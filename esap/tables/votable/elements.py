"""What the elements of a VOTable outside its rows say: columns, status, where the rows are."""

import re
from dataclasses import dataclass
from enum import Enum

from esap.errors import QueryRejected, TooLarge, UnreadableAnswer
from esap.tables.columns import SCALARS, Column, distinct

__all__ = ["Elements", "Field", "Serialization"]

MAX_COLUMNS = 5_000
# VOTable 1.4, section 2.2; of numbers that Python and 64 bits can take.
ARRAYSIZE = re.compile(r"(?:[0-9]{1,18}x)*(?:[0-9]{1,18}|[0-9]{0,18}\*)")
DESCRIBED = ["DESCRIPTION", "FIELD"]
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


class Elements:
    """Takes what expat reads of an answer, and judges it.

    `in_rows` is true from the start tag of the rows to their end tag.
    The table is the first in a RESOURCE that is not of type `meta` (DALI 1.1, section 4.4: the
    results come in one of type `results`, which is also the default).
    """

    def __init__(self) -> None:
        self.depth = 0
        self.in_rows = False
        self.rows_are_over = False
        self.overflow = False
        self.number = -1
        self.serialization = Serialization.NONE
        self.prefix = ""
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
            self.prefix = tag.removesuffix(name)

    def _start_in_table(self, name: str, attributes: dict[str, str]) -> None:
        if name == "FIELD":
            if len(self._fields) == MAX_COLUMNS:
                raise TooLarge(f"The answer has more than {MAX_COLUMNS} columns; it is refused.")
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
        if name in ("TABLEDATA", "STREAM") and self.in_rows:
            self.in_rows = False
            if not self.rows_are_over:  # an empty element
                self.serialization = Serialization.NONE
        elif name == "TABLE":
            self._inside = False
        elif name == "RESOURCE":
            self._resources.pop()
        elif self._text is not None and name in ("INFO", "PARAM"):
            self._infos[-1]["text"] = self._told()
            self._note_overflow(self._infos[-1])
        elif self._text is not None and self._inside and [name, *self._path[-1:]] == DESCRIBED:
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
        if self.in_rows and not self._fields:
            raise UnreadableAnswer("The service's answer is a table without columns.")

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
    if arraysize and not ARRAYSIZE.fullmatch(arraysize):
        raise UnreadableAnswer("The answer has a column with a size of cells that is none.")
    return Column(name, datatype, arraysize, **said)
