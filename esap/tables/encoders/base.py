"""What every encoder offers, and the pieces it works in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

import pyarrow as pa

from esap.tables.stream import TableStream

__all__ = ["Encoder", "Footer", "cut", "pieces"]

Footer = Callable[[], Mapping[str, object]]

PIECE_ROWS, PIECE_BYTES = 1 << 14, 1 << 22


class Encoder(ABC):
    """A table as the bytes of one format, a piece at a time."""

    name: ClassVar[str]
    media_type: ClassVar[str]
    extension: ClassVar[str]

    @abstractmethod
    def encode(self, stream: TableStream, footer: Footer | None = None) -> Iterator[bytes]:
        """Yield the bytes; about a piece of the table is held in memory.

        `footer` is called after the last row. What it says becomes further members in JSON, INFO
        elements in VOTable and key-value metadata in Parquet; other formats have no place for it.
        """


def pieces(stream: TableStream) -> Iterator[pa.RecordBatch]:
    """The rows in batches small enough to encode at once."""
    for batch in stream:
        yield from cut(batch)


def cut(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in such pieces."""
    fitting = PIECE_BYTES * batch.num_rows // max(batch.nbytes, 1)
    step = max(1, min(PIECE_ROWS, fitting))
    yield from (batch.slice(start, step) for start in range(0, batch.num_rows, step))
