"""What may be asked of a stored table: conditions on its columns, and an order."""

import csv
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import pyarrow as pa

from esap.errors import InvalidRequest

__all__ = [
    "OPERATORS",
    "Filter",
    "Kind",
    "Order",
    "column_named",
    "filter_from",
    "kind_of",
    "order_from",
    "typed",
]

Kind = Literal["text", "number", "truth", "time", "other"]

_NULLS = ("is_null", "not_null")
_COMPARED = ("eq", "ne", "lt", "le", "gt", "ge", "in", *_NULLS)
OPERATORS: dict[Kind, tuple[str, ...]] = {
    "text": (*_COMPARED, "contains", "starts"),
    "number": _COMPARED,
    "time": _COMPARED,
    "truth": ("eq", "ne", *_NULLS),
    "other": _NULLS,
}
"""What can be asked of a column, by what it holds."""

_ALL = tuple(dict.fromkeys(name for names in OPERATORS.values() for name in names))
_MOST_LISTED = 1_000
_LONGEST = 4_000
_MOST_SHOWN, _SHOWN = 200, 60
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf)", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_WIDEST = 1 << 63
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a column; `values` are texts, one unless the operator is `in`.

    What is missing fulfils none of them but `is_null`.
    """

    column: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """A column to sort by; what is missing comes last either way."""

    column: str
    descending: bool = False


def filter_from(text: str, schema: pa.Schema) -> Filter:
    """Read `column:operator:value`, such as `mag:lt:12`, `name:in:M31,M33`, `mag:is_null`.

    Raises `InvalidRequest`, naming what there is, if it cannot be asked of this table.
    """
    column, told = _leading_column(text, schema)
    operator, _, value = told.partition(":")
    if operator not in _ALL:
        raise InvalidRequest(
            f"filter: {operator[:_SHOWN]!r} is no operator; write column:operator:value with one "
            f"of {', '.join(_ALL)}."
        )
    if len(value) > _LONGEST:
        raise InvalidRequest(f"filter: the value is longer than {_LONGEST} characters.")
    if operator in _NULLS:
        return Filter(column, operator)
    return Filter(column, operator, _listed(value) if operator == "in" else (value,))


def order_from(text: str, schema: pa.Schema) -> list[Order]:
    """Read `-mag,name`: columns with commas between, a minus before those that go down."""
    return [
        Order(column_named(name.removeprefix("-"), schema, "sort"), name.startswith("-"))
        for name in text.split(",")
        if name
    ]


def column_named(name: str, schema: pa.Schema, where: str) -> str:
    """Return a column as the table spells it; `InvalidRequest`, naming all, if there is none.

    Case does not matter: it does not in ADQL, and no two columns differ by it alone.
    """
    by_name: dict[str, str] = {known.lower(): known for known in schema.names}
    if name.lower() not in by_name:
        known = ", ".join(schema.names[:_MOST_SHOWN])
        raise InvalidRequest(f"{where}: there is no column {name[:_SHOWN]!r}. There are: {known}.")
    return by_name[name.lower()]


def kind_of(kind: pa.DataType) -> Kind:
    """Return what a column of this type holds, as far as it can be compared."""
    types = pa.types
    if types.is_dictionary(kind):
        return kind_of(kind.value_type)
    if types.is_boolean(kind):
        return "truth"
    if types.is_integer(kind) or types.is_floating(kind):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "text"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "time"
    return "other"


def typed(asked: Filter, kind: pa.DataType) -> list[Any]:
    """Return the values as what they are compared with; `InvalidRequest` for what is none."""
    holds = kind_of(kind)
    if asked.operator not in OPERATORS[holds]:
        what = {"other": "what cannot be compared", "truth": "true or false"}.get(holds, holds)
        raise InvalidRequest(
            f"filter: {asked.column} holds {what}, of which {asked.operator} cannot be asked. "
            f"There are: {', '.join(OPERATORS[holds])}."
        )
    match holds:
        case "number":
            return _of_one_kind([_number(asked.column, value, kind) for value in asked.values])
        case "truth":
            return [_truth(asked.column, value) for value in asked.values]
        case "time":
            return [_time(asked.column, value, kind) for value in asked.values]
        case _:
            return list(asked.values)


def _leading_column(text: str, schema: pa.Schema) -> tuple[str, str]:
    """Return the column that a filter begins with, and the rest: a name may have colons, too."""
    parts = text.split(":")
    known = {name.lower() for name in schema.names}
    for count in range(len(parts) - 1, 0, -1):
        name = ":".join(parts[:count])
        if name.lower() in known:
            return column_named(name, schema, "filter"), ":".join(parts[count:])
    return column_named(parts[0], schema, "filter"), ""


def _listed(value: str) -> tuple[str, ...]:
    """Return the values of `in`: with commas between, and quotes around those that have commas."""
    try:
        values = tuple(next(csv.reader([value], strict=True), []))
    except csv.Error as error:
        raise InvalidRequest(f"filter: {value[:_SHOWN]!r} is no list: {error}.") from error
    if not 1 <= len(values) <= _MOST_LISTED:
        raise InvalidRequest(f"filter: in takes 1 to {_MOST_LISTED} values, not {len(values)}.")
    return values


def _number(column: str, value: str, kind: pa.DataType) -> int | float:
    text = value.strip().lower()
    if not _NUMBER.fullmatch(text):
        hint = f" Ask for {column}:is_null." if text in {"nan", "null", ""} else ""
        raise InvalidRequest(
            f"filter: {column} is compared with a number, not {value[:_SHOWN]!r}.{hint}"
        )
    if pa.types.is_integer(kind) and _WHOLE.fullmatch(text):
        whole = int(text)
        # A wider one fits no column; as a double it is still greater, or less, than all.
        return whole if -_WIDEST <= whole < 2 * _WIDEST else float(_clipped(whole))
    return float(text)


def _of_one_kind(numbers: list[int | float]) -> list[int] | list[float]:
    whole = [number for number in numbers if isinstance(number, int)]
    return whole if len(whole) == len(numbers) else [float(number) for number in numbers]


def _clipped(whole: int) -> int:
    limit = 1 << 1000
    return max(-limit, min(whole, limit))


def _truth(column: str, value: str) -> bool:
    try:
        return _TRUTHS[value.strip().lower()]
    except KeyError:
        raise InvalidRequest(
            f"filter: {column} is true or false, not {value[:_SHOWN]!r}."
        ) from None


def _time(column: str, value: str, kind: pa.DataType) -> date | datetime:
    """Return an instant as the column has it: with a zone, or in UTC without one."""
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"filter: {column} is compared with a date or time, such as 2026-11-22 or "
            f"2026-11-22T12:00:00Z, not {value[:_SHOWN]!r}."
        ) from None
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return moment
    return moment.replace(tzinfo=None)
