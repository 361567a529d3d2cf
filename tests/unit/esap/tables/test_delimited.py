"""CSV of peers."""

import pyarrow as pa
import pytest

from esap.errors import TooLarge, UnreadableAnswer
from esap.tables import delimited
from esap.tables.columns import Column
from esap.tables.delimited import read_csv


def rows(*lines: str) -> list[dict[str, object]]:
    return read_csv(["\n".join(lines).encode()]).read_all().to_pylist()


def test_types_are_those_that_all_values_have():
    stream = read_csv([b"n,f,s,b\n1,1,1,true\n", b"2,2.5,x,false\n"])

    assert stream.columns == [
        Column("n", "long"),
        Column("f", "double"),
        Column("s", "char", "*"),
        Column("b", "boolean"),
    ]
    assert stream.read_all().to_pylist() == [
        {"n": 1, "f": 1.0, "s": "1", "b": True},
        {"n": 2, "f": 2.5, "s": "x", "b": False},
    ]


def test_the_last_row_may_change_a_type():
    lines = ["v", *["1"] * 300_000, "x"]

    assert rows(*lines)[0] == {"v": "1"}


def test_an_empty_value_is_null_and_a_quoted_one_is_not():
    assert rows("a,b", '1,""', ",x") == [{"a": 1, "b": ""}, {"a": None, "b": "x"}]


def test_words_that_mean_null_elsewhere_are_text():
    assert rows("a", "NA", "null", "#N/A") == [{"a": "NA"}, {"a": "null"}, {"a": "#N/A"}]


def test_times_stay_text():
    assert rows("t,d", "2020-01-02T03:04:05,2020-01-02") == [
        {"t": "2020-01-02T03:04:05", "d": "2020-01-02"}
    ]


def test_a_column_without_values_is_text():
    assert read_csv([b"a,b\n1,\n"]).schema.field("b").type == pa.string()


def test_quoted_values_may_have_lines():
    assert rows("a,b", '"x\ny",1') == [{"a": "x\ny", "b": 1}]


def test_what_is_not_utf8_is_marked():
    assert read_csv([b"a\n\xe9x\ny\n"]).read_all()["a"].to_pylist() == ["\ufffdx", "y"]


def test_equal_names_are_told_apart():
    assert rows("a,a", "1,2") == [{"a": 1, "a_2": 2}]


@pytest.mark.parametrize("content", [b"", b"a,b\n1\n"])
def test_what_is_not_csv_is_unreadable(content):
    with pytest.raises(UnreadableAnswer, match="not readable as CSV"):
        read_csv([content])


def test_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(delimited, "LIMIT", 10)

    with pytest.raises(TooLarge, match="Ask for fewer rows"):
        read_csv([b"a\n1\n", b"2\n" * 10])
