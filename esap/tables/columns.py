"""What the Virtual Observatory knows of a column, kept beside its Arrow type."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import pyarrow as pa

__all__ = ["Column", "arrow_type", "column_of", "distinct"]

# VOTable 1.4, section 2.1. `bit` has no Arrow type of one bit but bool; a complex number is a pair.
SCALARS: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "bit": pa.bool_(),
    "unsignedByte": pa.uint8(),
    "short": pa.int16(),
    "int": pa.int32(),
    "long": pa.int64(),
    "char": pa.string(),
    "unicodeChar": pa.string(),
    "float": pa.float32(),
    "double": pa.float64(),
    "floatComplex": pa.list_(pa.float32()),
    "doubleComplex": pa.list_(pa.float64()),
}
TEXT = frozenset({"char", "unicodeChar"})


@dataclass(frozen=True, slots=True)
class Column:
    """A FIELD of VOTable 1.4 (section 3.2).

    A cell of more than one number is an Arrow list in the order of the VOTable, whatever its
    dimensions: `arraysize` keeps the shape.
    """

    name: str
    datatype: str
    arraysize: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    description: str | None = None
    xtype: str | None = None

    def field(self) -> pa.Field:
        """The Arrow field, with everything else as its metadata."""
        return pa.field(self.name, arrow_type(self.datatype, self.arraysize), metadata=self._told())

    def described(self, field: pa.Field) -> pa.Field:
        """`field` under its own name and type, with what this column knows as its metadata."""
        return field.with_metadata(self._told())

    def _told(self) -> dict[str, str]:
        told = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "name"}
        return {key: value for key, value in told.items() if value is not None}


def arrow_type(datatype: str, arraysize: str | None) -> pa.DataType:
    """The Arrow type of a cell; text has one dimension fewer, for its own length is the first."""
    scalar = SCALARS[datatype]
    shape = arraysize or ""
    many = "x" in shape if datatype in TEXT else shape not in ("", "1")
    return pa.list_(scalar) if many and not pa.types.is_list(scalar) else scalar


def column_of(field: pa.Field) -> Column:
    """The column an Arrow field stands for; one without metadata is described by its type."""
    told = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    known = {item.name for item in fields(Column)} - {"name"}
    told = {key: value for key, value in told.items() if key in known}
    if "datatype" not in told:
        told.update(_derived(field.type))
    return Column(field.name, **told)


def _derived(kind: pa.DataType) -> dict[str, str]:
    """The nearest VOTable type; what VOTable has no word for is text."""
    types = pa.types
    told = {"datatype": "char", "arraysize": "*"}
    if types.is_dictionary(kind):
        told = _derived(kind.value_type)
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        size = str(kind.list_size) if types.is_fixed_size_list(kind) else "*"
        if "arraysize" not in (value := _derived(kind.value_type)):
            told = value | {"arraysize": size}
    elif types.is_timestamp(kind):
        told["xtype"] = "timestamp"
    elif types.is_decimal(kind) or types.is_duration(kind):
        told = {"datatype": "double"}
    elif kind in _NUMBERS:
        told = {"datatype": _NUMBERS[kind]}
    return told


_NUMBERS: dict[pa.DataType, str] = {
    pa.bool_(): "boolean",
    pa.uint8(): "unsignedByte",
    pa.int8(): "short",
    pa.int16(): "short",
    pa.uint16(): "int",
    pa.int32(): "int",
    pa.uint32(): "long",
    pa.int64(): "long",
    pa.uint64(): "long",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
}


def distinct(columns: Iterable[Column]) -> list[Column]:
    """The columns under names of their own: a second `ra` becomes `ra_2`.

    Joins answer with equal names, and every keyed format would lose all but one of them. Names
    are compared without their case, as SQL does.
    """
    given: list[Column] = []
    taken: set[str] = set()
    for number, column in enumerate(columns, start=1):
        wanted = name = column.name or f"col_{number}"
        again = 2
        while name.lower() in taken:
            name = f"{wanted}_{again}"
            again += 1
        taken.add(name.lower())
        given.append(replace(column, name=name))
    return given
