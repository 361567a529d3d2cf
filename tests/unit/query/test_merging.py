"""One table out of many answers."""

import pyarrow as pa
import pytest

from esap.tables.columns import Column, column_of
from query.federation import Columns, Outcome, Rows
from query.merging import merge


def answer(errand: int, archive: str, fields: list[pa.Field], rows: dict[str, list]):
    schema = pa.schema(fields)
    batch = pa.record_batch([pa.array(rows[f.name], f.type) for f in fields], schema=schema)
    return [
        Columns(errand, archive, f"{archive}-set", schema),
        Rows(errand, archive, f"{archive}-set", batch),
    ]


def column(name: str, datatype: str, **meta) -> pa.Field:
    return Column(name, datatype, **meta).field()


def test_columns_are_united_and_rows_say_where_they_are_from() -> None:
    merged = merge(
        [
            *answer(1, "b", [column("RA", "double", unit="deg"), column("flux", "float")],
                    {"RA": [2.5], "flux": [0.5]}),
            *answer(0, "a", [column("ra", "double", unit="deg"), column("id", "long")],
                    {"ra": [1.5], "id": [7]}),
        ]
    ).read_all()  # fmt: skip

    assert merged.to_pylist() == [
        {"archive": "a", "dataset": "a-set", "ra": 1.5, "id": 7, "flux": None},
        {"archive": "b", "dataset": "b-set", "ra": 2.5, "id": None, "flux": 0.5},
    ]
    assert column_of(merged.schema.field("ra")).unit == "deg"


@pytest.mark.parametrize(
    ("one", "other", "expected", "datatype", "values"),
    [
        ("short", "long", pa.int64(), "long", [1, 2]),
        ("int", "double", pa.float64(), "double", [1.0, 2.0]),
        ("int", "char", pa.string(), "char", ["1", "2"]),
    ],
)
def test_types_widen_to_what_holds_all_values(one, other, expected, datatype, values) -> None:
    given = ["2"] if other == "char" else [2]
    merged = merge(
        [
            *answer(0, "a", [column("x", one)], {"x": [1]}),
            *answer(1, "b", [column("x", other, arraysize="*" if other == "char" else None)],
                    {"x": given}),
        ]
    ).read_all()  # fmt: skip

    assert merged.schema.field("x").type == expected
    assert column_of(merged.schema.field("x")).datatype == datatype
    assert merged.column("x").to_pylist() == values


def test_a_column_in_another_unit_is_a_column_of_its_own() -> None:
    merged = merge(
        [
            *answer(0, "a", [column("sep", "double", unit="deg")], {"sep": [1.0]}),
            *answer(1, "b", [column("sep", "double", unit="arcsec")], {"sep": [5.0]}),
        ]
    ).read_all()

    assert merged.schema.names == ["archive", "dataset", "sep", "sep_b"]
    assert merged.column("sep").to_pylist() == [1.0, None]
    assert merged.column("sep_b").to_pylist() == [None, 5.0]


def test_an_archives_own_column_called_archive_is_kept_beside_ours() -> None:
    merged = merge(
        answer(0, "a", [column("archive", "char", arraysize="*")], {"archive": ["box 7"]})
    ).read_all()

    assert merged.to_pylist() == [{"archive": "a", "dataset": "a-set", "archive_a": "box 7"}]


def test_nobody_answering_gives_an_empty_table() -> None:
    merged = merge([Outcome(0, "a", "s", "timeout", "late", 0, 1.0, "", "")])

    assert merged.read_all().num_rows == 0
    assert merged.overflow is False


def test_more_at_one_archive_is_more_in_all() -> None:
    events = answer(0, "a", [column("x", "int")], {"x": [1]})

    merged = merge([*events, Outcome(0, "a", "s", "overflow", "more", 1, 1.0, "", "")])

    assert merged.overflow is True


def test_lists_beside_texts_are_written_as_json() -> None:
    merged = merge(
        [
            *answer(0, "a", [pa.field("x", pa.list_(pa.int32()))], {"x": [[1, None]]}),
            *answer(1, "b", [column("x", "char", arraysize="*")], {"x": ["two"]}),
        ]
    ).read_all()

    assert merged.column("x").to_pylist() == ["[1,null]", "two"]
