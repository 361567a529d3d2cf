"""Stored tables, read: a page of one, or all of it."""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from pyarrow import parquet

from esap.backends.deadline import Scope
from esap.engine import Engine
from esap.errors import InvalidRequest
from esap.results.filters import Filter, Order
from esap.results.sql import Statement
from esap.results.storage import Stored
from esap.tables.stream import TableStream

__all__ = [
    "MOST_FILTERS",
    "MOST_SORTED",
    "PAGE_MAX",
    "Page",
    "facts",
    "page",
    "rows",
    "schema_of",
    "total",
]

PAGE_MAX = 10_000
MOST_FILTERS = 32
MOST_SORTED = 8
_SECONDS = 60.0
_STALE = (
    "cursor: it is of another question, or the result has changed since. Begin again without it."
)


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a stored table.

    `total` is how many the table has, `matching` how many fulfil the filters; `cursor` leads to the
    next page, if there is one.
    """

    table: TableStream
    total: int
    matching: int
    cursor: str | None


def schema_of(stored: Stored) -> pa.Schema:
    """Return the columns of a stored table, with all that is known of them."""
    return parquet.read_schema(stored.path).remove_metadata()


def total(stored: Stored) -> int:
    """Return how many rows a stored table has."""
    count: int = parquet.read_metadata(stored.path).num_rows
    return count


def facts(stored: Stored) -> dict[str, Any]:
    """Return what was told of a table when it was stored, by name."""
    kept: Mapping[bytes, bytes] = parquet.read_metadata(stored.path).metadata or {}
    return {
        key.decode(): _value(text)
        for key, text in kept.items()
        if not key.startswith((b"IVOA.", b"ARROW:"))
    }


def page(
    stored: Stored,
    *,
    columns: Sequence[str] = (),
    filters: Sequence[Filter] = (),
    sort: Sequence[Order] = (),
    limit: int = 100,
    cursor: str = "",
) -> Page:
    """Return a page of the rows that fulfil all filters, in the order asked for.

    Where the order leaves a choice, and without one, rows are in the order of the file. All columns
    if none are named. Raises `InvalidRequest` for what cannot be asked, and for a cursor that is
    not of this question to this version of the table.
    """
    _refuse_too_much(filters, sort)
    if not 1 <= limit <= PAGE_MAX:
        raise InvalidRequest(f"limit: a page has 1 to {PAGE_MAX} rows; all come with whole=true.")
    schema = schema_of(stored)
    statement = Statement(stored, schema, filters, sort)
    there = total(stored)
    mark = _mark(stored, filters, sort)
    if cursor:
        after, matching = _read_cursor(cursor, mark, there)
    else:
        after, matching = None, _counted(statement) if filters else there
    names = list(columns) or schema.names
    found = _run(statement.page(names, limit + 1, after), statement, _SECONDS).read_all()
    more = found.num_rows > limit
    found = found.slice(0, limit)
    following = None
    if more:
        last = found.column(found.num_columns - 1)[-1].as_py()
        following = _write_cursor(mark, last, matching)
    shown = pa.schema([schema.field(name) for name in names])
    table = pa.Table.from_arrays(
        [column.cast(field.type) for column, field in zip(found.columns[:-1], shown, strict=True)],
        schema=shown,
    )
    return Page(TableStream.of(table), there, matching, following)


def rows(
    stored: Stored,
    *,
    columns: Sequence[str] = (),
    filters: Sequence[Filter] = (),
    sort: Sequence[Order] = (),
) -> TableStream:
    """Return all rows that fulfil all filters, as `page` orders them, as they are read.

    The stream overflows if the table did when it was stored.
    """
    _refuse_too_much(filters, sort)
    schema = schema_of(stored)
    names = list(columns) or schema.names
    statement = Statement(stored, schema, filters, sort)
    found = _run(statement.rows(names), statement, None)
    shown = pa.schema([schema.field(name) for name in names])
    overflow = bool(facts(stored).get("overflow"))
    return TableStream(
        shown,
        (_as_stored(batch, shown) for batch in found),
        overflowed=lambda: overflow,
        close=found.close,
    )


def _as_stored(batch: pa.RecordBatch, shown: pa.Schema) -> pa.RecordBatch:
    """Return rows in the types that they were stored in; DuckDB knows fewer."""
    columns = [array.cast(field.type) for array, field in zip(batch.columns, shown, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=shown)


def _counted(statement: Statement) -> int:
    counted: int = _run(statement.count(), statement, _SECONDS).read_all()["n"][0].as_py()
    return counted


def _run(sql: str, statement: Statement, seconds: float | None) -> TableStream:
    storage = storages["results"]
    local = isinstance(storage, FileSystemStorage)
    folder = Path(storage.path("")) if local else settings.RESULTS_CACHE_DIR
    return _engine(folder, settings.SCRATCH_DIR).run(sql, Scope(seconds), statement.values)


@lru_cache(maxsize=4)
def _engine(folder: Path, scratch: Path) -> Engine:
    """Return the database that all requests of this process share, and with it its memory."""

    def prepare(database: duckdb.DuckDBPyConnection) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        database.execute("SET allowed_directories = $1", [[str(folder)]])

    return Engine(prepare, spill=scratch)


def _value(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode()


def _refuse_too_much(filters: Sequence[Filter], sort: Sequence[Order]) -> None:
    if len(filters) > MOST_FILTERS:
        raise InvalidRequest(f"filter: give at most {MOST_FILTERS}.")
    if len(sort) > MOST_SORTED:
        raise InvalidRequest(f"sort: give at most {MOST_SORTED} columns.")


def _mark(stored: Stored, filters: Sequence[Filter], sort: Sequence[Order]) -> str:
    """Return what tells this question to this version of the table from others."""
    asked = [
        stored.version,
        [[item.column, item.operator, *item.values] for item in filters],
        [[item.column, item.descending] for item in sort],
    ]
    return hashlib.sha256(orjson.dumps(asked)).hexdigest()[:16]


def _write_cursor(mark: str, row: int, matching: int) -> str:
    written = orjson.dumps([mark, row, matching])
    return base64.urlsafe_b64encode(written).decode().rstrip("=")


def _read_cursor(cursor: str, mark: str, most: int) -> tuple[int, int]:
    """Return the row that the page follows, and how many match, which is counted but once."""
    try:
        told, row, matching = orjson.loads(
            base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        )
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidRequest("cursor: take it from the 'next' of the page before.") from error
    whole = isinstance(row, int) and isinstance(matching, int)
    if told != mark or not whole or not 0 <= row < most or not 0 <= matching <= most:
        raise InvalidRequest(_STALE)
    return row, matching
