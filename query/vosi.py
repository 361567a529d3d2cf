"""What a service says about itself: its availability and its tables (IVOA VOSI 1.1)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from esap.errors import UnreadableAnswer
from esap.tables.columns import Column
from query.backends.base import TableInfo
from query.documents import HARDENED, local_name, parse, text_of

__all__ = ["Availability", "column", "read_availability", "read_tables"]

# TAP 1.0, section 2.5: types of columns, from before TAP 1.1 took VOTable's own.
_SQL_TYPES = {
    "BOOLEAN": ("boolean", None, None),
    "SMALLINT": ("short", None, None),
    "INTEGER": ("int", None, None),
    "BIGINT": ("long", None, None),
    "REAL": ("float", None, None),
    "DOUBLE": ("double", None, None),
    "TIMESTAMP": ("char", "*", "timestamp"),
    "CHAR": ("char", "*", None),
    "VARCHAR": ("char", "*", None),
    "CLOB": ("char", "*", None),
    "BINARY": ("unsignedByte", "*", None),
    "VARBINARY": ("unsignedByte", "*", None),
    "BLOB": ("unsignedByte", "*", None),
    "POINT": ("char", "*", "adql:POINT"),
    "REGION": ("char", "*", "adql:REGION"),
}


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a service takes requests, and what its people say about that."""

    available: bool
    note: str


def read_availability(document: bytes) -> Availability | None:
    """Read an availability document (VOSI 1.1, section 5); None for anything else."""
    root = parse(document, "availability")
    available = "" if root is None else text_of(root, "available").lower()
    if root is None or available not in {"true", "false", "1", "0"}:
        return None
    return Availability(available in {"true", "1"}, text_of(root, "note"))


def read_tables(chunks: Iterable[bytes]) -> Iterator[TableInfo]:
    """Yield the tables of a VOSI tables document (VODataService 1.2, section 3.3) as they come.

    Raises `UnreadableAnswer` for anything else.
    """
    parser = etree.XMLPullParser(events=("start", "end"), **HARDENED)
    root: etree._Element | None = None
    try:
        for chunk in chunks:
            parser.feed(chunk)
            events: Any = parser.read_events()  # The stubs think of more than elements.
            for event, element in events:
                if root is None:
                    root = element
                    _expect_tables(root)
                if event == "end" and local_name(element) == "table":
                    yield _table(element)
                    _forget(element)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise UnreadableAnswer("The list of tables is not whole XML. Try again later.") from error


def column(name: str, datatype: str, arraysize: str = "", xtype: str = "", **told: str) -> Column:
    """Return a column with its type in the words of VOTable, also where it is told in SQL's."""
    known = _SQL_TYPES.get(datatype.rpartition(":")[2].partition("(")[0])
    if known is not None:
        datatype, arraysize, xtype = known[0], known[1] or "", xtype or known[2] or ""
    return Column(
        name=name,
        datatype=datatype or "char",
        arraysize=arraysize or None,
        xtype=xtype or None,
        **{key: value or None for key, value in told.items()},
    )


def _expect_tables(root: etree._Element) -> None:
    if local_name(root) not in {"tableset", "table"}:
        raise UnreadableAnswer("The service answered with something other than its tables.")


def _table(element: etree._Element) -> TableInfo:
    return TableInfo(
        name=text_of(element, "name"),
        columns=[_column(child) for child in element.iterchildren("{*}column")],
        kind=element.get("type") or "table",
        description=text_of(element, "description"),
    )


def _column(element: etree._Element) -> Column:
    kind = element.find("{*}dataType")
    return column(
        text_of(element, "name"),
        datatype=text_of(element, "dataType"),
        arraysize="" if kind is None else kind.get("arraysize") or "",
        xtype="" if kind is None else kind.get("extendedType") or "",
        unit=text_of(element, "unit"),
        ucd=text_of(element, "ucd"),
        utype=text_of(element, "utype"),
        description=text_of(element, "description"),
    )


def _forget(element: etree._Element) -> None:
    """Drop what has been read, so that a service with 50 000 tables does not fill the memory."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]
