"""Real catalogues with no network: Gaia's bright stars, Hipparcos and OpenNGC, asked in ADQL."""

import threading
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field

from esap.backends.base import DataPath
from esap.backends.deadline import Scope, current_scope
from esap.backends.http import PeerSession
from esap.tables.columns import Column, distinct
from esap.tables.stream import TableStream
from query.adql.geometry import FUNCTIONS
from query.adql.translation import translate
from query.backends.base import Archive, ArchiveConfig, Query, Selection, TableInfo
from query.catalogues import CATALOGUES, build
from query.catalogues.engine import CatalogueEngine
from query.catalogues.tap_schema import TAP_SCHEMA, describe
from query.limited import limited
from query.phrasing import in_adql

__all__ = ["EmbeddedArchive", "EmbeddedConfig"]


class EmbeddedConfig(ArchiveConfig):
    """The entry of the embedded catalogues: which of them, and the folder they are kept in."""

    catalogues: tuple[Literal["gaia", "hipparcos", "openngc"], ...] = (
        "gaia",
        "hipparcos",
        "openngc",
    )
    folder: DataPath = Field(default=Path("catalogues"), validate_default=True)


class EmbeddedArchive(Archive):
    """The catalogues of `query.catalogues`."""

    Config = EmbeddedConfig
    config: EmbeddedConfig

    def __init__(self, config: EmbeddedConfig, http: PeerSession) -> None:
        super().__init__(config, http)
        self._catalogues = [CATALOGUES[name] for name in config.catalogues]
        self._tables = [
            TableInfo(table.name, list(table.columns), description=table.description)
            for catalogue in self._catalogues
            for table in catalogue.tables
        ] + [
            TableInfo(name, list(columns), description=description)
            for name, (description, columns) in TAP_SCHEMA.items()
        ]
        self._columns = {table.name: table.columns for table in self._tables}
        self._lock = threading.Lock()
        self._engine: CatalogueEngine | None = None

    def ping(self) -> None:
        self._ready()

    def phrase(self, selection: Selection) -> Query:
        return Query(in_adql(selection), selection.limit)

    def run(self, query: Query) -> TableStream:
        asked = translate(query.text, self._columns, most=query.limit + 1)
        scope = current_scope() or Scope(self.config.timeout)
        rows = self._ready().run(asked.sql, scope)
        return limited(_described(rows, asked.columns), query.limit)

    def tables(self) -> list[TableInfo]:
        return list(self._tables)

    def _ready(self) -> CatalogueEngine:
        """Return the engine over the files, making the files the first time."""
        with self._lock:
            if self._engine is None:
                files = {
                    name: file
                    for catalogue in self._catalogues
                    for name, file in build(catalogue, self.config.folder).items()
                }
                self._engine = CatalogueEngine(files, describe(self._catalogues), setup=FUNCTIONS)
            return self._engine


def _described(rows: TableStream, known: tuple[Column | None, ...]) -> TableStream:
    """Return the rows with what is known of their columns, each under a name of its own."""
    names = [column.name for column in distinct(rows.columns)]
    fields = [field.with_name(name) for field, name in zip(rows.schema, names, strict=True)]
    if len(known) == len(fields):  # If not, rows are worth more than their descriptions.
        fields = [
            column.described(field) if column else field
            for field, column in zip(fields, known, strict=True)
        ]
    schema = pa.schema(fields)
    described = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in rows)
    return TableStream(schema, described, close=rows.close)
