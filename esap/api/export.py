"""Rows on their way into a document that is too large to be whole in memory."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.db.models import QuerySet

__all__ = ["rows", "with_parts"]

Row = dict[str, Any]
_ROWS_AT_ONCE = 500


def rows(found: QuerySet[Any], columns: str, *order: str, **more: Any) -> Iterator[Row]:
    """Yield rows with these columns (names with spaces between), and more by expressions."""
    return found.order_by(*order).values(*columns.split(), **more).iterator(_ROWS_AT_ONCE)


def with_parts(
    wholes: Iterator[Row], parts: Iterator[Row], *, name: str, whole: str
) -> Iterator[Row]:
    """Yield each row with the list of its parts, under a name; two statements for all.

    `wholes` come in the order of their `id`, parts in that of their column `whole`, which names
    it and is left out. A part whose row came too late to be among `wholes` is left out, too.
    """
    groups = groupby(parts, key=lambda part: part.pop(whole))
    key, group = next(groups, (None, iter(())))
    for row in wholes:
        while key is not None and key < row["id"]:
            key, group = next(groups, (None, iter(())))
        yield {**row, name: list(group) if key == row["id"] else []}
