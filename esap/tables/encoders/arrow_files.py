"""The formats that Arrow writes itself: Parquet and Arrow IPC."""

from collections.abc import Iterator
from io import BytesIO

import orjson
import pyarrow as pa
from pyarrow import ipc, parquet

from esap.tables.encoders.base import Encoder, Footer, pieces
from esap.tables.encoders.votable_head import END, header
from esap.tables.stream import TableStream

__all__ = ["Arrow", "Parquet"]

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
    """Parquet with zstd; units and UCDs are kept as IVOA's VOParquet 1.0 says."""

    name = "parquet"
    media_type = "application/vnd.apache.parquet"
    extension = "parquet"

    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        sink = _Sink()
        with parquet.ParquetWriter(sink, stream.schema, compression="zstd") as writer:
            for group in _groups(stream):
                writer.write_table(group)
                yield sink.take()
            told = {"IVOA.VOTable-Parquet.version": "1.0"}
            told["IVOA.VOTable-Parquet.content"] = (
                header(stream.schema) + b"</TABLE>\n" + END
            ).decode()
            for key, value in (footer() if footer else {}).items():
                told[key] = value if isinstance(value, str) else orjson.dumps(value).decode()
            writer.add_key_value_metadata(told)
        yield sink.take()


def _groups(stream: TableStream) -> Iterator[pa.Table]:
    group: list[pa.RecordBatch] = []
    size = 0
    for piece in pieces(stream):
        group.append(piece)
        size += piece.nbytes
        if size >= GROUP_BYTES:
            yield pa.Table.from_batches(group)
            group, size = [], 0
    if group:
        yield pa.Table.from_batches(group)


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
