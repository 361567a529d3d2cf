"""A SELECT from one table."""

from dataclasses import dataclass

from esap.errors import InvalidRequest
from query.adql.conditions import Condition
from query.adql.names import column_name, table_name

__all__ = ["Select"]


@dataclass(frozen=True, slots=True)
class Select:
    """The rows of one table that fulfil all conditions, at most `top` of them.

    Without `columns` all columns are asked for. `str()` gives the ADQL; it raises `InvalidRequest`
    for a name or value that cannot be written.
    """

    table: str
    conditions: tuple[Condition, ...] = ()
    columns: tuple[str, ...] = ()
    top: int | None = None

    def __str__(self) -> str:
        words = ["SELECT"]
        if self.top is not None:
            if self.top < 0:
                raise InvalidRequest(f"The limit must be 0 rows or more, not {self.top}.")
            words.append(f"TOP {self.top:d}")
        words.append(", ".join(map(column_name, self.columns)) or "*")
        words.append(f"FROM {table_name(self.table)}")
        if self.conditions:
            words.append("WHERE " + " AND ".join(each.adql() for each in self.conditions))
        return " ".join(words)
