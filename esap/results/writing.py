"""A table on its way into a job's results, as its rows come."""

import os
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Self
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from django.conf import settings

from esap.errors import TooLarge
from esap.results.storage import Stored, draft, publish
from esap.tables.columns import Column, column_of, distinct
from esap.tables.encoders.arrow_files import ParquetFile
from esap.tables.encoders.base import cut
from esap.tables.stream import TableStream

__all__ = ["ROW_NUMBER", "TableWriter", "store"]

_GROUP_BYTES = 1 << 22
"""Smaller than in a file that is read as a whole: a page is a few rows of one group."""

ROW_NUMBER = "file_row_number"
"""The name under which DuckDB knows the number of a row in its file, so no column can have it."""


class TableWriter:
    """Writes a Parquet file that nobody sees before `finish`, and that is gone without it.

    Units, UCDs and descriptions are kept with the columns. Columns get names of their own; decimal
    numbers become doubles, and NaN is null, as in all tables that the gateway reads. About 4 MB of
    rows wait in memory. A context manager, which discards what was not finished.
    """

    def __init__(self, job_id: UUID, name: str, schema: pa.Schema) -> None:
        self.job_id = job_id
        self.name = name
        self.rows = 0
        self._schema = _stored_schema(schema)
        self._path = draft()
        self._file: IO[bytes] = self._path.open("wb")
        self._parquet = ParquetFile(self._file, self._schema, group_bytes=_GROUP_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; `TooLarge` when the file has more bytes than a result may have."""
        for piece in cut(batch):
            columns = [
                _stored_values(array, field.type)
                for array, field in zip(piece.columns, self._schema, strict=True)
            ]
            self._parquet.write(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self.rows += batch.num_rows
        self._check_size()

    def finish(self, told: Mapping[str, object] = MappingProxyType({})) -> Stored:
        """Make the table a result of the job, in place of one of that name.

        `told` is what else is known of the table: JSON values by name, which its readers get back.
        """
        self._parquet.finish(told)
        self._check_size()
        self._file.flush()
        os.fsync(self._file.fileno())  # else a crash may leave the name with nothing behind it
        self._file.close()
        return publish(self.job_id, self.name, self._path)

    def discard(self) -> None:
        """Let go of what was not finished."""
        with suppress(OSError, ValueError), self._file, self._parquet:
            pass  # to close a file on a full disk fails once more
        self._path.unlink(missing_ok=True)

    def _check_size(self) -> None:
        if self._file.tell() > settings.RESULT_BYTES:
            raise TooLarge(
                f"The result has more than the {settings.RESULT_BYTES >> 20} MB that are stored of "
                "one. Ask for fewer rows or columns."
            )


def store(
    job_id: UUID,
    name: str,
    table: TableStream,
    told: Mapping[str, object] = MappingProxyType({}),
) -> Stored:
    """Write a whole table into the results of a job; see `TableWriter`.

    Raises what reading the table raises; then nothing is stored.
    """
    with TableWriter(job_id, name, table.schema) as writer:
        for batch in table:
            writer.write(batch)
        return writer.finish({**told, "overflow": True} if table.overflow else told)


def _stored_schema(schema: pa.Schema) -> pa.Schema:
    kinds = [pa.float64() if pa.types.is_decimal(kind) else kind for kind in schema.types]
    # The first of a name keeps it, so that the reserved one goes to nobody.
    reserved = Column(ROW_NUMBER, "long")
    _, *columns = distinct([reserved, *map(column_of, schema)])
    return pa.schema(
        [
            column.described(pa.field(column.name, kind))
            for column, kind in zip(columns, kinds, strict=True)
        ]
    )


def _stored_values(array: pa.Array, kind: pa.DataType) -> pa.Array:
    values = array if array.type == kind else array.cast(kind)
    if pa.types.is_floating(kind) and not pa.types.is_float16(kind):
        nans = pc.is_nan(values)
        if nans.true_count:
            return pc.if_else(nans.fill_null(True), None, values)  # noqa: FBT003
    return values
