"""A table on its way: columns known at once, rows as they come."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Self

import pyarrow as pa

from esap.tables.columns import Column, column_of

__all__ = ["TableStream"]


def _never() -> bool:
    return False


def _nothing() -> None:
    """There is no source to let go of."""


class TableStream:
    """Record batches of one schema, which may be iterated once.

    Iterating may raise `esap.errors.BackendFailed`: a peer's failure can follow its rows.
    """

    def __init__(
        self,
        schema: pa.Schema,
        batches: Iterable[pa.RecordBatch],
        *,
        overflowed: Callable[[], bool] = _never,
        close: Callable[[], None] = _nothing,
    ) -> None:
        self.schema = schema
        self._batches = iter(batches)
        self._overflowed = overflowed
        self._close = close

    @property
    def columns(self) -> list[Column]:
        """The columns with all that is known of them."""
        return [column_of(field) for field in self.schema]

    @property
    def overflow(self) -> bool:
        """Whether the service cut its answer short; final only when the iteration has ended."""
        return self._overflowed()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches

    def close(self) -> None:
        """Let go of the source; the rows that were not read are lost."""
        self._close()

    def read_all(self) -> pa.Table:
        """All rows, in memory."""
        return pa.Table.from_batches(self, self.schema)

    @classmethod
    def of(cls, rows: pa.Table | Iterable[pa.RecordBatch], schema: pa.Schema | None = None) -> Self:
        """A stream of a table, a reader, or batches: at least one of them, or `schema`."""
        if isinstance(rows, pa.Table):
            return cls(rows.schema, rows.to_batches())
        batches = iter(rows)
        if schema is None:
            schema = getattr(rows, "schema", None)
        if schema is None:
            first = next(batches)
            schema, batches = first.schema, chain([first], batches)
        return cls(schema, batches, close=getattr(rows, "close", _nothing))
