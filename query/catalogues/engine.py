"""Questions to Parquet files, answered by DuckDB with nothing else in its reach."""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from esap.backends.deadline import Scope
from esap.errors import BackendFailed, BackendUnavailable, Cancelled, EsapError, QueryRejected
from esap.tables.stream import TableStream

__all__ = ["Engine"]

_ROWS_PER_BATCH = 16_384
_THREADS = 2
_MEMORY = "512MB"
_BETWEEN_INTERRUPTS = 0.05

_AT_START: dict[str, str | bool | int | float | list[str]] = {
    "threads": str(_THREADS),
    "memory_limit": _MEMORY,
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_LOCKED = """
SET temp_directory = '';
SET enable_external_access = false;
SET lock_configuration = true;
"""
# While rows are read, DuckDB's errors come as pyarrow's.
_EXPECTED = (duckdb.Error, OSError, pa.ArrowException)
# What they begin with when the query is at fault.
_FAULTS = {
    "Binder Error",
    "Catalog Error",
    "Conversion Error",
    "Invalid Input Error",
    "Invalid type Error",
    "Mismatch Type Error",
    "Not implemented Error",
    "Out of Range Error",
    "Parser Error",
    "Syntax Error",
}


class Engine:
    """A database of views on files, and of small tables in memory. Threads share it.

    `setup` is SQL that defines the functions that queries call. What a query may say is for the
    caller to check; here it is only sure that it can neither reach a file but those of `views`, nor
    take more than its share of memory, nor outlive its scope.
    """

    def __init__(
        self, views: Mapping[str, Path], tables: Mapping[str, pa.Table], *, setup: str
    ) -> None:
        self._views = views
        self._tables = tables
        self._setup = setup
        self._lock = threading.Lock()
        # By process: a fork has none of its parent's threads, and would wait for them in vain when
        # it let go of the parent's database.
        self._databases: dict[int, duckdb.DuckDBPyConnection] = {}

    def run(self, sql: str, scope: Scope) -> TableStream:
        """Run a query until its rows are read or the scope ends."""
        scope.check()
        try:
            connection = self._connect()
        except duckdb.Error as error:
            raise _explained(error, scope) from error
        closed = threading.Event()

        def interrupt() -> None:
            # More than once, because DuckDB forgets an interrupt that comes before a query begins.
            while not closed.is_set():
                connection.interrupt()
                closed.wait(_BETWEEN_INTERRUPTS)

        interrupter = threading.Thread(target=interrupt, name="interrupter", daemon=True)
        watch = scope.on_end(interrupter.start)

        def close() -> None:
            watch.stop()
            closed.set()
            if interrupter.ident is not None:
                interrupter.join()
            connection.close()

        try:
            reader = connection.sql(sql).to_arrow_reader(_ROWS_PER_BATCH)
        except _EXPECTED as error:
            close()
            raise _explained(error, scope) from error
        schema = pa.schema([_plain(field) for field in reader.schema])

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in reader:
                    yield batch.cast(schema)
                    scope.check()
            except _EXPECTED as error:
                raise _explained(error, scope) from error
            finally:
                close()

        return TableStream(schema, batches(), close=close)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the database."""
        process = os.getpid()
        with self._lock:
            if process not in self._databases:
                self._databases[process] = self._open()
            return self._databases[process].cursor()

    def _open(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(":memory:", config=_AT_START)
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
        database.execute(_LOCKED)
        return database


def _explained(error: Exception, scope: Scope) -> EsapError:
    """Return what the caller is told of an error of DuckDB's."""
    said = str(error).partition("\n\nLINE ")[0]
    kind, _, sentence = said.partition(": ")
    sentence = " ".join(sentence.split()).rstrip(".")
    if kind == "INTERRUPT Error":
        return _ended(scope)
    if kind == "Out of Memory Error":
        return QueryRejected(
            f"The query needs more than the {_MEMORY} of memory it may use: ask for fewer rows, or "
            "leave out an ORDER BY, GROUP BY or join."
        )
    if kind == "IO Error":
        return BackendUnavailable(
            f"The files of the catalogues cannot be read ({sentence}): the operator should look."
        )
    if kind in _FAULTS:
        return QueryRejected(f"{sentence}.")
    return BackendFailed(f"The query failed: {' '.join(said.split())}")


def _ended(scope: Scope) -> EsapError:
    try:
        scope.check()
    except EsapError as ended:
        return ended
    return Cancelled("The query was stopped.")


def _plain(field: pa.Field) -> pa.Field:
    """Return the field as VOTable can have it, which knows no decimal numbers.

    DuckDB makes them of literals such as 1.5, and of sums of whole numbers.
    """
    kind: Any = field.type
    return field.with_type(pa.float64()) if pa.types.is_decimal(kind) else field
