"""What is known of a column survives in Arrow."""

import pyarrow as pa
import pytest

from esap.tables.columns import Column, column_of, distinct


def test_a_column_comes_back_from_its_field():
    column = Column("ra", "double", None, "deg", "pos.eq.ra", "a:b", "right ascension", "x")

    assert column_of(column.field()) == column


@pytest.mark.parametrize(
    ("datatype", "arraysize", "kind"),
    [
        ("double", None, pa.float64()),
        ("double", "1", pa.float64()),
        ("float", "*", pa.list_(pa.float32())),
        ("int", "2x3", pa.list_(pa.int32())),
        ("char", None, pa.string()),
        ("char", "12*", pa.string()),
        ("unicodeChar", "10x*", pa.list_(pa.string())),
        ("bit", None, pa.bool_()),
        ("doubleComplex", None, pa.list_(pa.float64())),
        ("doubleComplex", "3", pa.list_(pa.float64())),
    ],
)
def test_a_field_has_the_arrow_type_of_its_cells(datatype, arraysize, kind):
    assert Column("x", datatype, arraysize).field().type == kind


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (pa.int8(), Column("x", "short")),
        (pa.uint16(), Column("x", "int")),
        (pa.uint64(), Column("x", "long")),
        (pa.bool_(), Column("x", "boolean")),
        (pa.decimal128(10, 2), Column("x", "double")),
        (pa.string(), Column("x", "char", "*")),
        (pa.dictionary(pa.int8(), pa.float32()), Column("x", "float")),
        (pa.list_(pa.int64()), Column("x", "long", "*")),
        (pa.list_(pa.int64(), 3), Column("x", "long", "3")),
        (pa.list_(pa.string()), Column("x", "char", "*")),
        (pa.timestamp("us"), Column("x", "char", "*", xtype="timestamp")),
        (pa.struct([]), Column("x", "char", "*")),
    ],
)
def test_a_bare_field_is_described_by_its_type(kind, column):
    assert column_of(pa.field("x", kind)) == column


def test_other_metadata_do_not_disturb():
    field = pa.field("x", pa.int32(), metadata={"unit": "m", "origin": "elsewhere"})

    assert column_of(field) == Column("x", "int", unit="m")


def test_equal_names_are_told_apart_and_empty_ones_are_given():
    names = ["ra", "RA", "ra_2", "", "ra"]

    told = [column.name for column in distinct(Column(name, "int") for name in names)]

    assert told == ["ra", "RA_2", "ra_2_2", "col_4", "ra_3"]
