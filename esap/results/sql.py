"""What is asked of a stored table, as SQL: names of our own columns, and values as variables."""

import ctypes
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from esap.errors import InvalidRequest
from esap.results.filters import Filter, Order, kind_of, typed
from esap.results.storage import Stored
from esap.results.writing import ROW_NUMBER

__all__ = ["Statement"]

_COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_SOURCE = f"read_parquet(getvariable('path'), {ROW_NUMBER} = true)"


class Statement:
    """A SELECT from one file, in which nothing that a caller wrote becomes SQL.

    Columns are those of `schema`, quoted; values are variables, whose names and values are in
    `values` (see `Engine.run`).
    """

    def __init__(
        self, stored: Stored, schema: pa.Schema, filters: Sequence[Filter], sort: Sequence[Order]
    ) -> None:
        self.values: dict[str, Any] = {"path": str(stored.path)}
        self._schema = schema
        self._sort = sort
        self._conditions = [self._condition(item) for item in filters]
        for order in sort:
            if kind_of(schema.field(order.column).type) == "other":
                raise InvalidRequest(f"sort: {order.column} holds what cannot be compared.")

    def count(self) -> str:
        """Return SQL that counts the rows."""
        return f"SELECT count(*) AS n FROM {_SOURCE}{self._where()}"  # noqa: S608

    def rows(self, columns: Sequence[str]) -> str:
        """Return SQL that gives all rows: in the order of the file, if none is asked for.

        (DuckDB keeps to that without being told, and needs no sorting for it.)
        """
        order = f" ORDER BY {self._order()}" if self._sort else ""
        return f"SELECT {self._selected(columns)} FROM {_SOURCE}{self._where()}{order}"  # noqa: S608

    def page(self, columns: Sequence[str], limit: int, after: int | None) -> str:
        """Return SQL that gives rows with their numbers in the file, last.

        `after` is the number of the row that they follow. Its place in the order is looked up in
        the file, so a page far on costs what the first one does.
        """
        selected = f"{self._selected(columns)}, {ROW_NUMBER}"
        where = self._where() if after is None else self._where(self._follows(after))
        return f"SELECT {selected} FROM {_SOURCE}{where} ORDER BY {self._order()} LIMIT {limit:d}"  # noqa: S608

    def _selected(self, columns: Sequence[str]) -> str:
        return ", ".join(map(_quoted, columns))

    def _where(self, *more: str) -> str:
        conditions = [*self._conditions, *more]
        return f" WHERE {' AND '.join(f'({c})' for c in conditions)}" if conditions else ""

    def _order(self) -> str:
        keys = [
            f"{_quoted(order.column)} {'DESC' if order.descending else 'ASC'} NULLS LAST"
            for order in self._sort
        ]
        return ", ".join([*keys, ROW_NUMBER])

    def _follows(self, row: int) -> str:
        """Return the condition that a row comes after another one in the order asked for."""
        self.values["row"] = row
        follows = f"{ROW_NUMBER} > getvariable('row')"
        for order in reversed(self._sort):
            column = _quoted(order.column)
            last = f"(SELECT {column} FROM {_SOURCE} WHERE {ROW_NUMBER} = getvariable('row'))"  # noqa: S608
            sign = "<" if order.descending else ">"
            # Nothing follows what is missing but more of it.
            later = f"{last} IS NOT NULL AND ({column} {sign} {last} OR {column} IS NULL)"
            follows = f"({later}) OR ({column} IS NOT DISTINCT FROM {last} AND ({follows}))"
        return follows

    def _condition(self, asked: Filter) -> str:
        kind = self._schema.field(asked.column).type
        column = _quoted(asked.column)
        values = typed(asked, kind)
        match asked.operator:
            case "is_null":
                return f"{column} IS NULL"
            case "not_null":
                return f"{column} IS NOT NULL"
            case "in":
                return f"list_contains({self._variable(values, kind)}, {column})"
            case "contains" | "starts" as name:
                function = "contains" if name == "contains" else "starts_with"
                return f"{function}(lower({column}), lower({self._variable(values[0], kind)}))"
            case name:
                return f"{column} {_COMPARISONS[name]} {self._variable(values[0], kind)}"

    def _variable(self, value: Any, kind: pa.DataType) -> str:
        name = f"v{len(self.values)}"
        if kind not in (pa.float32(), pa.float16()):
            self.values[name] = value
            return f"getvariable('{name}')"
        # As the column has it: no float equals the double 0.1.
        many = isinstance(value, list)
        self.values[name] = [_as_float(one) for one in value] if many else _as_float(value)
        return f"CAST(getvariable('{name}') AS FLOAT{'[]' if many else ''})"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _as_float(value: float) -> float:
    """Return the nearest single-precision number; infinity for one beyond them."""
    return ctypes.c_float(value).value
