"""One table out of the answers of many archives.

The union of their columns, after `archive` and `dataset`, which say where a row is from. Columns
of one name (whatever its case: ADQL has none) are one column, unless their units differ; then the
later one carries its archive's id. Types widen to what holds all values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from esap.tables.columns import Column, column_of
from esap.tables.stream import TableStream
from query.federation import Columns, Event, Outcome, Rows

__all__ = ["Part", "merge", "unite"]

_ORIGIN = (
    Column("archive", "char", arraysize="*", description="Archive that the row is from"),
    Column("dataset", "char", arraysize="*", description="Dataset that the row is from"),
)


@dataclass(frozen=True)
class Part:
    """What one dataset answered; `rows` are batches of `schema`, and are read once."""

    archive: str
    dataset: str
    schema: pa.Schema
    rows: Iterable[pa.RecordBatch]
    overflow: bool = False


def merge(events: Iterable[Event]) -> TableStream:
    """Read a search to its end and return all rows as one table, in the order of the plan."""
    begun: dict[int, Columns] = {}
    rows: dict[int, list[pa.RecordBatch]] = {}
    overflowed: set[int] = set()
    for event in events:
        match event:
            case Columns():
                begun[event.errand], rows[event.errand] = event, []
            case Rows():
                rows[event.errand].append(event.batch)
            case Outcome(status="overflow"):
                overflowed.add(event.errand)
    return unite(
        Part(
            begun[number].archive,
            begun[number].dataset,
            begun[number].schema,
            rows[number],
            number in overflowed,
        )
        for number in sorted(begun)
    )


def unite(parts: Iterable[Part]) -> TableStream:
    """Return the rows of all parts as one table, part after part, as they are read."""
    parts = list(parts)
    union = _Union()
    places = [union.add(part) for part in parts]
    schema = union.schema()
    batches = (
        _fitted(batch, part, names, schema)
        for part, names in zip(parts, places, strict=True)
        for batch in part.rows
    )
    more = any(part.overflow for part in parts)
    return TableStream(schema, batches, overflowed=lambda: more)


class _Union:
    """The columns of the merged table, as parts are added."""

    def __init__(self) -> None:
        self.fields: dict[str, pa.Field] = {c.name: c.field() for c in _ORIGIN}

    def add(self, part: Part) -> list[str]:
        """Make room for a part; return the name in the union of each of its columns."""
        return [self._place(part, new) for new in part.schema]

    def schema(self) -> pa.Schema:
        return pa.schema(list(self.fields.values()))

    def _place(self, part: Part, new: pa.Field) -> str:
        key: str = new.name.lower()
        old = self.fields.get(key)
        if old is not None and not _same_quantity(old, new):
            key = f"{key}_{part.archive}"
            old = self.fields.get(key)
            new = new.with_name(f"{new.name}_{part.archive}")
        if old is None:
            self.fields[key] = new
        elif old.type != new.type:
            self.fields[key] = _retyped(old, _wider(old.type, new.type))
        return key


def _same_quantity(old: pa.Field, new: pa.Field) -> bool:
    if old.name in ("archive", "dataset") and column_of(old) in _ORIGIN:
        return False  # an archive's own column of that name
    return len({unit for unit in (column_of(old).unit, column_of(new).unit) if unit}) <= 1


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(one) and pa.types.is_integer(other):
        return pa.int64()
    if _is_number(one) and _is_number(other):
        return pa.float64()
    return pa.string()


def _retyped(field: pa.Field, kind: pa.DataType) -> pa.Field:
    """Return a column of another type, with all else that is known of it."""
    bare = pa.field(field.name, kind)
    derived = column_of(bare)
    column = replace(column_of(field), datatype=derived.datatype, arraysize=derived.arraysize)
    return column.described(bare)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _fitted(
    batch: pa.RecordBatch, part: Part, places: list[str], schema: pa.Schema
) -> pa.RecordBatch:
    """Return a part's rows in the columns of the union; what it lacks is null."""
    count = batch.num_rows
    given: dict[str, pa.Array] = dict(zip(places, batch.columns, strict=True))
    given["archive"] = pa.repeat(pa.scalar(part.archive), count)
    given["dataset"] = pa.repeat(pa.scalar(part.dataset), count)
    by_name = {key.lower(): value for key, value in given.items()}
    columns = [
        _cast(by_name[field.name.lower()], field.type)
        if field.name.lower() in by_name
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if values.type == kind:
        return values
    if pa.types.is_nested(values.type):
        told = values.to_pylist()
        return pa.array(
            [None if value is None else orjson.dumps(value).decode() for value in told], pa.string()
        )
    return pc.cast(values, kind, safe=False)
