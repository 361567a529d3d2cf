"""Queries of Parquet files, answered by DuckDB with nothing else in its reach."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

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
    """A database in memory that a process opens once and its threads share.

    `prepare` fills it, and says by `SET allowed_paths` or `allowed_directories` which files it may
    read; after that nothing of it can be changed. What a query may say is for the caller to check;
    here it is only sure that it can neither reach another file, nor take more than its share of
    memory, nor outlive its scope. What does not fit in memory goes to the folder `spill`, if there
    is one; else such a query is refused.
    """

    def __init__(
        self, prepare: Callable[[duckdb.DuckDBPyConnection], None], *, spill: Path | None = None
    ) -> None:
        self._prepare = prepare
        self._spill = spill
        self._lock = threading.Lock()
        # By process: a fork has none of its parent's threads, and would wait for them in vain when
        # it let go of the parent's database.
        self._databases: dict[int, duckdb.DuckDBPyConnection] = {}

    def run(
        self, sql: str, scope: Scope, values: Mapping[str, object] = MappingProxyType({})
    ) -> TableStream:
        """Run a query until its rows are read or the scope ends.

        The query finds `values` by `getvariable('name')`. (DuckDB's parameters would have it keep
        the whole answer before the first row; its variables do not, and are as safe.)
        """
        scope.check()
        try:
            connection = self._connect()
        except duckdb.Error as error:
            raise _explained(error, scope) from error
        query = _Query(connection, scope)
        try:
            reader = query.read(sql, values)
        except _EXPECTED as error:
            query.close()
            raise _explained(error, scope) from error

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for batch in reader:
                    yield batch
                    scope.check()
            except _EXPECTED as error:
                raise _explained(error, scope) from error
            finally:
                query.close()

        return TableStream(reader.schema, batches(), close=query.close)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of its own to the database."""
        process = os.getpid()
        with self._lock:
            if process not in self._databases:
                self._databases[process] = self._open()
            return self._databases[process].cursor()

    def _open(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(":memory:", config=_AT_START)
        self._prepare(database)
        database.execute("SET temp_directory = $1", [str(self._spill or "")])
        database.execute(_LOCKED)
        return database


class _Query:
    """A query on a connection of its own, interrupted when the scope ends."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, scope: Scope) -> None:
        self._connection = connection
        self._closed = threading.Event()
        self._interrupter = threading.Thread(
            target=self._interrupt, name="interrupter", daemon=True
        )
        self._watch = scope.on_end(self._interrupter.start)

    def read(self, sql: str, values: Mapping[str, object]) -> pa.RecordBatchReader:
        for name, value in values.items():
            self._connection.execute(f"SET VARIABLE {name} = $1", [value])
        return self._connection.sql(sql).to_arrow_reader(_ROWS_PER_BATCH)

    def close(self) -> None:
        self._watch.stop()
        self._closed.set()
        if self._interrupter.ident is not None:
            self._interrupter.join()
        self._connection.close()

    def _interrupt(self) -> None:
        # More than once, because DuckDB forgets an interrupt that comes before a query begins.
        while not self._closed.is_set():
            self._connection.interrupt()
            self._closed.wait(_BETWEEN_INTERRUPTS)


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
            f"The gateway's own files cannot be read ({sentence}): the operator should look."
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
