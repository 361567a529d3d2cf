"""Tables as a service describes them in its TAP_SCHEMA (TAP 1.1, section 4)."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter

from esap.tables.columns import Column
from query.adql import OneOf, Select, table_name
from query.backends.base import TableInfo
from query.vosi import column

__all__ = ["described", "question"]

Row = Mapping[str, object]

_TOLD = ("arraysize", "xtype", "unit", "ucd", "utype", "description")


def question(about: str, tables: Iterable[str], most: int) -> str:
    """Return the ADQL that asks for `TAP_SCHEMA.tables` or `.columns`.

    It asks about some tables, or about all if none are named; for all there is to know, as
    `arraysize` and `xtype` came with TAP 1.1.
    """
    # Services write a name as in a query (TAP 1.1, section 4.2), in quotes if need be, or bare.
    names = {form for name in tables for form in (name.replace('"', ""), table_name(name))}
    conditions = (OneOf("table_name", tuple(sorted(names))),) if names else ()
    return str(Select(f"TAP_SCHEMA.{about}", conditions, top=most))


def described(tables: Iterable[Row], columns: Iterable[Row]) -> list[TableInfo]:
    """Return the tables that such rows describe, with their columns."""
    ordered = sorted(map(_lower, columns), key=itemgetter("table_name"))
    columns_of = {
        name: [_column(row) for row in rows]
        for name, rows in groupby(ordered, key=itemgetter("table_name"))
    }
    return [
        TableInfo(
            name=row["table_name"],
            columns=columns_of.get(row["table_name"], []),
            kind=row.get("table_type") or "table",
            description=row.get("description") or "",
        )
        for row in map(_lower, tables)
    ]


def _lower(row: Row) -> dict[str, str]:
    """Return a row as text, under lower-case names, as some databases shout theirs."""
    texts = {name: "" if value is None else f"{value}".strip() for name, value in row.items()}
    return {name.lower(): text for name, text in texts.items()}


def _column(row: Mapping[str, str]) -> Column:
    return column(
        row["column_name"].strip('"'),
        row.get("datatype", ""),
        **{key: row.get(key, "") for key in _TOLD},
    )
