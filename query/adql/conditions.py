"""The conditions that a search puts on rows."""

from dataclasses import dataclass
from typing import Literal, Protocol

from esap.errors import InvalidRequest
from query.adql.cone import Cone
from query.adql.names import column_name
from query.adql.values import Value, literal, quoted

__all__ = ["Compare", "Condition", "Contains", "InCone", "OneOf", "Operator"]

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


class Condition(Protocol):
    """What a row must fulfil."""

    def adql(self) -> str:
        """Write the condition so that it can stand beside others with AND between."""


@dataclass(frozen=True, slots=True)
class Compare:
    """A column compared with a value.

    ADQL writes "not equal" as `<>` and as `!=`; GAVO DaCHS rejects the first, so it is the second.
    """

    column: str
    op: Operator
    value: Value

    def adql(self) -> str:
        return f"{column_name(self.column)} {self.op} {literal(self.value)}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """A column that has one of some values."""

    column: str
    values: tuple[Value, ...]

    def adql(self) -> str:
        if not self.values:
            raise InvalidRequest(f"Name at least one value for {self.column}.")
        if len(self.values) == 1:  # The grammar wants two or more in a list.
            return Compare(self.column, "=", self.values[0]).adql()
        return f"{column_name(self.column)} IN ({', '.join(map(literal, self.values))})"


@dataclass(frozen=True, slots=True)
class Contains:
    """A column whose text contains some text, upper or lower case.

    ADQL has no ESCAPE, so `_` (any character) and `%` (any characters) in the text cannot be
    asked for literally: they match themselves, and more.
    """

    column: str
    text: str

    def adql(self) -> str:
        return f"LOWER({column_name(self.column)}) LIKE {quoted(f'%{self.text.lower()}%')}"


@dataclass(frozen=True, slots=True)
class InCone:
    """A position inside a cone.

    The coordinate system is named because ADQL 2.0 requires it; 2.1 takes it (and ignores it).
    """

    ra_column: str
    dec_column: str
    cone: Cone

    def adql(self) -> str:
        point = f"POINT('ICRS', {column_name(self.ra_column)}, {column_name(self.dec_column)})"
        centre = f"{literal(float(self.cone.ra))}, {literal(float(self.cone.dec))}"
        circle = f"CIRCLE('ICRS', {centre}, {literal(float(self.cone.radius))})"
        return f"1 = CONTAINS({point}, {circle})"
