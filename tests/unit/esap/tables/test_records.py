"""Records of peers."""

from esap.tables.columns import Column
from esap.tables.records import read_records


def test_keys_are_columns_and_missing_ones_null():
    stream = read_records([{"n": 1, "s": "x"}, {"s": "y", "f": 1.5}])

    assert stream.columns == [Column("n", "long"), Column("s", "char", "*"), Column("f", "double")]
    assert stream.read_all().to_pylist() == [
        {"n": 1, "s": "x", "f": None},
        {"n": None, "s": "y", "f": 1.5},
    ]


def test_whole_and_broken_numbers_share_a_column():
    assert read_records([{"v": 1}, {"v": 1.5}]).read_all()["v"].to_pylist() == [1.0, 1.5]


def test_values_without_a_common_type_become_text():
    table = read_records([{"v": 1}, {"v": "x"}, {"v": None}, {"v": [1]}, {"v": 2**70}]).read_all()

    assert table["v"].to_pylist() == ["1", "x", None, "[1]", str(2**70)]


def test_objects_become_json_and_lists_stay_lists():
    table = read_records([{"o": {"a": [1]}, "l": [1, 2]}]).read_all()

    assert table.to_pylist() == [{"o": '{"a":[1]}', "l": [1, 2]}]


def test_a_key_without_values_is_a_column_of_text():
    assert read_records([{"v": None}]).columns == [Column("v", "char", "*")]


def test_no_records_are_no_rows():
    assert read_records([]).read_all().num_rows == 0
