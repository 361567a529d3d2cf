"""The first rows of a stream, and whether there were more."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from esap.tables.stream import TableStream

__all__ = ["limited"]


def _nothing() -> None:
    """There is nothing to do at the end."""


def limited(stream: TableStream, limit: int, *, then: Callable[[], None] = _nothing) -> TableStream:
    """Return at most `limit` rows of a stream; it overflows if there are more, or if that one does.

    `then` is called once or more when the rows have been read, have failed, or are not wanted.
    """
    first = _First(stream, limit, then)
    return TableStream(
        stream.schema, first.batches(), overflowed=first.overflowed, close=first.close
    )


class _First:
    def __init__(self, stream: TableStream, limit: int, then: Callable[[], None]) -> None:
        self._stream = stream
        self._left = limit
        self._more = False
        self._then = then

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._stream:
                self._more = batch.num_rows > self._left
                wanted = batch.slice(0, self._left)
                self._left -= wanted.num_rows
                if wanted.num_rows:
                    yield wanted
                if self._more:
                    return
        finally:
            self.close()

    def overflowed(self) -> bool:
        return self._more or self._stream.overflow

    def close(self) -> None:
        self._stream.close()
        self._then()
