"""The formats that Arrow writes itself: Parquet and Arrow IPC."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import IO, Self

import orjson
import pyarrow as pa
from pyarrow import ipc, parquet

from esap.tables.encoders.base import Encoder, Footer, cut, pieces
from esap.tables.encoders.votable_head import END, header
from esap.tables.stream import TableStream

__all__ = ["Arrow", "Parquet", "ParquetFile"]

# Row groups of this size compress well and are few.
GROUP_BYTES = 1 << 23


class _Sink(BytesIO):
    """A file whose contents are taken as they come."""

    def take(self) -> bytes:
        taken = self.getvalue()
        self.seek(0)
        self.truncate()
        return taken


class Parquet(Encoder):
    """Parquet as `ParquetFile` writes it."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    extension = "parquet"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        sink = _Sink()
        with ParquetFile(sink, stream.schema) as file:
            for batch in stream:
                for piece in cut(batch):
                    file.write(piece)
                    if taken := sink.take():
                        yield taken
            file.finish(footer() if footer else {})
        yield sink.take()


class ParquetFile:
    """Parquet with zstd, as rows come; units and UCDs are kept as IVOA's VOParquet 1.0 says.

    Between two row groups of `group_bytes`, the rows wait in memory. As a context manager it is
    closed at the end, whatever happened; a file that was not finished is of no use.
    """

    def __init__(
        self, sink: IO[bytes], schema: pa.Schema, *, group_bytes: int = GROUP_BYTES
    ) -> None:
        self._schema = schema
        self._writer = parquet.ParquetWriter(sink, schema, compression="zstd")
        self._group_bytes = group_bytes
        self._group: list[pa.RecordBatch] = []
        self._bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows, of at most about a piece."""
        self._group.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._group_bytes:
            self._end_group()

    def finish(self, told: Mapping[str, object]) -> None:
        """Write the rest, and what is told of the table as key-value metadata."""
        if self._group:
            self._end_group()
        kept = {"IVOA.VOTable-Parquet.version": "1.0"}
        kept["IVOA.VOTable-Parquet.content"] = (header(self._schema) + b"</TABLE>\n" + END).decode()
        for key, value in told.items():
            kept[key] = value if isinstance(value, str) else orjson.dumps(value).decode()
        self._writer.add_key_value_metadata(kept)
        self._writer.close()

    def _end_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._group))
        self._group, self._bytes = [], 0


class Arrow(Encoder):
    """The Arrow IPC stream, with the metadata of the fields."""

    name = "arrow"
    media_type = "application/vnd.apache.arrow.stream"
    extension = "arrows"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        sink = _Sink()
        with ipc.new_stream(sink, stream.schema) as writer:
            for piece in pieces(stream):
                writer.write_batch(piece)
                yield sink.take()
        yield sink.take()
