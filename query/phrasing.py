"""A selection in ADQL."""

from query.adql import Compare, Condition, Contains, InCone, Select
from query.backends.base import Criterion, Selection

__all__ = ["in_adql"]


def in_adql(selection: Selection) -> str:
    """Write a selection in ADQL, asking for one row more than is wanted.

    That row tells whether there were more, also where a service does not say so.
    """
    conditions: list[Condition] = []
    if selection.cone is not None:
        conditions.append(InCone(*selection.position, selection.cone))
    conditions += map(_condition, selection.criteria)
    top = selection.limit + 1
    return str(Select(selection.table, tuple(conditions), selection.columns, top=top))


def _condition(criterion: Criterion) -> Condition:
    if criterion.op == "contains":
        return Contains(criterion.column, str(criterion.value))
    return Compare(criterion.column, criterion.op, criterion.value)
