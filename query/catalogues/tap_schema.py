"""The catalogues described by themselves: TAP_SCHEMA (TAP 1.1, section 4)."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import pyarrow as pa

from esap.tables.columns import Column
from query.catalogues.catalogue import Catalogue

__all__ = ["TAP_SCHEMA", "describe"]

Row = tuple[object, ...]


def _text(name: str, description: str) -> Column:
    return Column(name, "char", arraysize="*", description=description)


def _int(name: str, description: str) -> Column:
    return Column(name, "int", description=description)


_UTYPE = _text("utype", "UTYPE, if it has one")

TAP_SCHEMA: dict[str, tuple[str, tuple[Column, ...]]] = {
    "tap_schema.schemas": (
        "The schemas of this archive",
        (
            _text("schema_name", "Name of the schema"),
            _text("description", "What is in the schema"),
            _UTYPE,
            _int("schema_index", "Recommended order of the schemas"),
        ),
    ),
    "tap_schema.tables": (
        "The tables of this archive",
        (
            _text("schema_name", "Schema the table is in"),
            _text("table_name", "Full name of the table"),
            _text("table_type", "Always 'table'"),
            _text("description", "What is in the table"),
            _UTYPE,
            _int("table_index", "Recommended order of the tables"),
        ),
    ),
    "tap_schema.columns": (
        "The columns of the tables of this archive",
        (
            _text("table_name", "Full name of the table"),
            _text("column_name", "Name of the column"),
            _text("datatype", "Datatype as in VOTable"),
            _text("arraysize", "Shape of a cell as in VOTable; none for a single value"),
            _text("xtype", "Extended type as in VOTable"),
            _int("size", "Length of a cell; not kept, see arraysize"),
            _text("description", "What is in the column"),
            _UTYPE,
            _text("unit", "Unit as in VOUnits"),
            _text("ucd", "UCD 1+"),
            _int("indexed", "1 if a condition on the column is quick"),
            _int("principal", "1 if the column is a principal one"),
            _int("std", "1 if a standard defines the column"),
            _int("column_index", "Order of the columns in the table"),
        ),
    ),
    "tap_schema.keys": (
        "The tables that can be joined",
        (
            _text("key_id", "Identifier of the key"),
            _text("from_table", "Table that refers"),
            _text("target_table", "Table that is referred to"),
            _text("description", "What the key means"),
            _UTYPE,
        ),
    ),
    "tap_schema.key_columns": (
        "The columns to join tables by",
        (
            _text("key_id", "Identifier of the key"),
            _text("from_column", "Column that refers"),
            _text("target_column", "Column that is referred to"),
        ),
    ),
}

_TITLE = "What there is to be asked in this archive"
# TAP 1.1 has the five tables refer to one another so.
_OWN_KEYS = (
    ("tap_schema.tables", "schema_name", "tap_schema.schemas", "schema_name"),
    ("tap_schema.columns", "table_name", "tap_schema.tables", "table_name"),
    ("tap_schema.keys", "from_table", "tap_schema.tables", "table_name"),
    ("tap_schema.keys", "target_table", "tap_schema.tables", "table_name"),
    ("tap_schema.key_columns", "key_id", "tap_schema.keys", "key_id"),
)
_INDEXED = {"dec"}  # The rows are in its order.


def describe(catalogues: Iterable[Catalogue]) -> dict[str, pa.Table]:
    """Return the tables of TAP_SCHEMA, which describe these catalogues and themselves."""
    catalogues = list(catalogues)
    tables = [
        (catalogue.title, table.name, table.description, table.columns)
        for catalogue in catalogues
        for table in catalogue.tables
    ]
    tables += [(_TITLE, name, *described) for name, described in TAP_SCHEMA.items()]
    keys = [key for catalogue in catalogues for key in catalogue.keys] + list(_OWN_KEYS)
    return {
        "tap_schema.schemas": _table("tap_schema.schemas", _schemas(tables)),
        "tap_schema.tables": _table(
            "tap_schema.tables",
            (
                (_schema(name), name, "table", description, None, index)
                for index, (_, name, description, _) in enumerate(tables)
            ),
        ),
        "tap_schema.columns": _table(
            "tap_schema.columns",
            (row for _, name, _, columns in tables for row in _columns(name, columns)),
        ),
        "tap_schema.keys": _table(
            "tap_schema.keys",
            (
                (f"key{number}", source, target, None, None)
                for number, (source, _, target, _) in enumerate(keys)
            ),
        ),
        "tap_schema.key_columns": _table(
            "tap_schema.key_columns",
            (
                (f"key{number}", source, target)
                for number, (_, source, _, target) in enumerate(keys)
            ),
        ),
    }


def _schemas(tables: list[tuple[str, str, str, tuple[Column, ...]]]) -> Iterator[Row]:
    named = groupby(tables, key=lambda table: (_schema(table[1]), table[0]))
    for index, ((name, title), _) in enumerate(named):
        yield name, title, None, index


def _columns(table: str, columns: tuple[Column, ...]) -> Iterator[Row]:
    standard = int(_schema(table) == "tap_schema")
    for index, column in enumerate(columns):
        yield (
            table,
            column.name,
            column.datatype,
            column.arraysize,
            column.xtype,
            None,
            column.description,
            column.utype,
            column.unit,
            column.ucd,
            int(column.name in _INDEXED),
            1,
            standard,
            index,
        )


def _schema(table: str) -> str:
    return table.partition(".")[0]


def _table(name: str, rows: Iterable[Row]) -> pa.Table:
    schema = pa.schema([column.field() for column in TAP_SCHEMA[name][1]])
    cells = zip(*rows, strict=True)
    return pa.table([list(values) for values in cells], schema=schema)
