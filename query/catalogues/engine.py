"""The catalogues' files and small tables, as one database for ADQL."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import pyarrow as pa

from esap.backends.deadline import Scope
from esap.engine import Engine
from esap.tables.stream import TableStream

__all__ = ["CatalogueEngine"]


class CatalogueEngine(Engine):
    """A database of views on files, and of small tables in memory.

    `setup` is SQL that defines the functions that queries call. A query reaches no file but those
    of `views`.
    """

    def __init__(
        self, views: Mapping[str, Path], tables: Mapping[str, pa.Table], *, setup: str
    ) -> None:
        self._views = views
        self._tables = tables
        self._setup = setup
        super().__init__(self._fill)

    def run(
        self, sql: str, scope: Scope, values: Mapping[str, object] = MappingProxyType({})
    ) -> TableStream:
        rows = super().run(sql, scope, values)
        schema = pa.schema([_plain(field) for field in rows.schema])
        return TableStream(schema, (batch.cast(schema) for batch in rows), close=rows.close)

    def _fill(self, database: duckdb.DuckDBPyConnection) -> None:
        database.execute(self._setup)
        names = [*self._views, *self._tables]
        for schema in sorted({name.partition(".")[0] for name in names}):
            database.execute(f"CREATE SCHEMA {schema}")
        for name, file in self._views.items():
            # The names are ours; a path may have a quote.
            source = str(file).replace("'", "''")
            database.execute(f"CREATE VIEW {name} AS FROM read_parquet('{source}')")
        for name, rows in self._tables.items():
            database.register("rows_in_memory", rows)
            database.execute(f"CREATE TABLE {name} AS FROM rows_in_memory")
            database.unregister("rows_in_memory")
        database.execute("SET allowed_paths = $1", [[str(file) for file in self._views.values()]])


def _plain(field: pa.Field) -> pa.Field:
    """Return the field as VOTable can have it, which knows no decimal numbers.

    DuckDB makes them of literals such as 1.5, and of sums of whole numbers.
    """
    kind: Any = field.type
    return field.with_type(pa.float64()) if pa.types.is_decimal(kind) else field
