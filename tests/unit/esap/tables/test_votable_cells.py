"""How cells may be written, and what they then are."""

import base64
import math
import struct

import pyarrow as pa
import pytest

from esap.errors import UnreadableAnswer
from esap.tables.votable import fallback
from tests.unit.esap.tables.made import columns, votable
from tests.unit.esap.tables.same import assert_same_values, astropy_table, read

HEAD = '<VOTABLE version="1.4"><RESOURCE><TABLE>{}<DATA><{}><STREAM encoding="base64">'
TAIL = "</STREAM></{}></DATA></TABLE></RESOURCE></VOTABLE>"


def binary(fields: str, raw: bytes, kind: str = "BINARY") -> bytes:
    rows = base64.encodebytes(raw).decode()
    return (HEAD.format(fields, kind) + rows + TAIL.format(kind)).encode()


def cells(content: bytes) -> list[object]:
    """The first column, which astropy reads the same."""
    table = read(content)
    assert_same_values(table, astropy_table(content))
    return table.column(0).to_pylist()


def texts(*written: str) -> list[object]:
    rows = "".join(f"<TR><TD>{text}</TD><TD>1</TD></TR>" for text in written)
    return cells(votable(columns("s char *", "n int"), rows))


def numbers(datatype: str, *written: str, null: str = "") -> list[object]:
    values = f'<VALUES null="{null}"/>' if null else ""
    fields = f'<FIELD name="v" datatype="{datatype}">{values}</FIELD>' + columns("s char *")
    rows = "".join(f"<TR><TD>{text}</TD><TD>{text}</TD></TR>" for text in written)
    return cells(votable(fields, rows))


@pytest.fixture
def no_astropy(monkeypatch):
    """Reading must not fall back to astropy."""

    def refuse(*_arguments, **_more):
        raise AssertionError("the fallback was used")

    monkeypatch.setattr(fallback, "read_rows", refuse)


# Text


def test_references_and_entities_are_resolved(no_astropy):
    assert texts("&lt;a&gt; &amp;amp; &quot;&apos;", "&#233;&#xe9;&#x1F600;", "a&#10;b") == [
        "<a> &amp; \"'",
        "éé😀",
        "a\nb",
    ]


def test_a_line_break_in_a_cell_stays_one(no_astropy):
    assert texts("a\nb", "a\r\nb", "a\rb") == ["a\nb", "a\nb", "a\nb"]


def test_quotes_and_commas_are_just_characters(no_astropy):
    assert texts('"', "a,b", "\\n", "'") == ['"', "a,b", "\\n", "'"]


def test_white_space_around_text_is_dropped(no_astropy):
    assert texts("  a  b ", "\n a\n") == ["a  b", "a"]


def test_words_that_mean_null_elsewhere_are_text(no_astropy):
    assert texts("", "NaN", "null", "None") == ["", "NaN", "null", "None"]


def test_cdata_is_taken_as_it_is(no_astropy):
    assert texts("<![CDATA[a<b &amp; </TD></TR>]]>", "x") == ["a<b &amp; </TD></TR>", "x"]


def test_comments_are_left_out(no_astropy):
    assert texts("a<!-- <TD>no</TD> -->b", "x<!-- </TR> -->") == ["ab", "x"]


def test_a_block_may_end_inside_a_comment(no_astropy):
    row = "<TR><TD>x</TD></TR>"
    comment = f"<!-- {row * 20_000} -->"
    content = votable(columns("s char *"), row + comment + row)

    assert read(content, 1000).num_rows == 2


def test_a_bare_ampersand_is_not_xml():
    with pytest.raises(UnreadableAnswer):
        texts("a & b")


def test_an_unknown_entity_is_not_xml():
    with pytest.raises(UnreadableAnswer):
        texts("&nbsp;")


# Rows


@pytest.mark.parametrize(
    "rows",
    [
        "<TR><TD>a</TD><TD>1</TD></TR><TR><TD>b</TD><TD>2</TD></TR>",
        "\n<TR>\n <TD>a</TD>\n <TD>1</TD>\n</TR>\n<TR>\n <TD>b</TD>\n <TD>2</TD>\n</TR>\n",
        "\r\n<TR>\r\n <TD>a</TD>\r\n<TD>1</TD></TR><TR><TD>b</TD>  <TD>2</TD></TR>",
        '<TR ID="r1"><TD>a</TD><TD>1</TD></TR><!-- --><TR><TD>b</TD><TD>2</TD></TR>',
    ],
)
def test_rows_are_read_whatever_the_space_between_their_tags(no_astropy, rows):
    table = read(votable(columns("s char *", "n int"), rows))

    assert table.to_pylist() == [{"s": "a", "n": 1}, {"s": "b", "n": 2}]


@pytest.mark.parametrize("empty", ["<TD/>", "<TD />", "<TD></TD>", "<TD\n/>"])
def test_an_empty_cell_is_null_however_it_is_written(no_astropy, empty):
    row = f"<TR><TD>a</TD>{empty}</TR><TR><TD>b</TD><TD>2</TD></TR>"

    assert read(votable(columns("s char *", "n int"), row))["n"].to_pylist() == [None, 2]


@pytest.mark.parametrize("cell", ["<TD></TD>", "<TD/>"])
def test_rows_of_one_empty_cell_are_rows(no_astropy, cell):
    content = votable(columns("s char *"), f"<TR>{cell}</TR>" * 3)

    assert read(content)["s"].to_pylist() == ["", "", ""]


def test_tags_may_have_a_prefix(no_astropy):
    content = (
        '<v:VOTABLE xmlns:v="http://www.ivoa.net/xml/VOTable/v1.3"><v:RESOURCE><v:TABLE>'
        '<v:FIELD name="n" datatype="int"/><v:DATA><v:TABLEDATA><v:TR><v:TD>1</v:TD></v:TR>'
        "</v:TABLEDATA></v:DATA></v:TABLE></v:RESOURCE></v:VOTABLE>"
    )

    assert read(content.encode())["n"].to_pylist() == [1]


def test_a_cell_in_base64_is_left_to_astropy():
    row = '<TR><TD encoding="base64">AAAAKg==</TD></TR><TR><TD>7</TD></TR>'

    assert cells(votable(columns("n int"), row)) == [42, 7]


# Numbers


def test_the_null_value_of_a_column_is_null_only_there(no_astropy):
    fields = '<FIELD name="a" datatype="int"><VALUES null="-9"/></FIELD>' + columns("b int")
    rows = "<TR><TD>-9</TD><TD>-9</TD></TR>"

    assert read(votable(fields, rows)).to_pylist() == [{"a": None, "b": -9}]


def test_the_null_value_may_be_that_of_another_column(no_astropy):
    fields = (
        '<FIELD name="a" datatype="int"><VALUES ID="v" null="-9"/></FIELD>'
        '<FIELD name="b" datatype="long"><VALUES ref="v"/></FIELD>'
    )

    assert read(votable(fields, "<TR><TD>1</TD><TD>-9</TD></TR>"))["b"].to_pylist() == [None]


@pytest.mark.parametrize("datatype", ["float", "double"])
def test_not_a_number_is_null(no_astropy, datatype):
    assert numbers(datatype, "NaN", "nan", "", "1.5") == [None, None, None, 1.5]


def test_infinite_is_not_null(no_astropy):
    infinite = float("inf")

    assert numbers("double", "+Inf", "-InF", "Infinity") == [infinite, -infinite, infinite]


def test_the_null_value_of_a_float_is_null(no_astropy):
    assert numbers("float", "-99.9", "99.9", null="-99.9") == [None, pytest.approx(99.9)]


@pytest.mark.parametrize(
    ("datatype", "least", "most"),
    [
        ("unsignedByte", 0, 2**8 - 1),
        ("short", -(2**15), 2**15 - 1),
        ("int", -(2**31), 2**31 - 1),
        ("long", -(2**63), 2**63 - 1),
    ],
)
def test_the_limits_of_integers_are_kept(no_astropy, datatype, least, most):
    assert numbers(datatype, str(least), str(most)) == [least, most]


def test_integers_beyond_their_type_are_what_astropy_makes_of_them():
    assert numbers("short", "70000", "1") == [32767, 1]


@pytest.mark.parametrize("written", ["0xFF", "0Xff", " 0xff"])
def test_hexadecimal_numbers_are_read(written):
    assert numbers("long", "1", written) in ([1, 255], [1, 255])


def test_hexadecimal_numbers_are_not_taken_for_twos_complement():
    assert numbers("short", "0xFFFF") == [32767]


def test_a_space_or_a_sign_does_not_matter_to_a_number():
    assert numbers("int", " 7 ", "+5") == [7, 5]


def test_truths_are_told_from_what_is_unknown(no_astropy):
    assert numbers("boolean", "T", "true", "1", "F", "FALSE", "0", "?", "") == [
        *[True] * 3,
        *[False] * 3,
        *[None] * 2,
    ]


def test_a_word_that_is_no_truth_is_unreadable():
    with pytest.raises(UnreadableAnswer, match="E05"):
        numbers("boolean", "maybe")


def test_old_names_of_types_are_known(no_astropy):
    rows = "<TR><TD>é</TD><TD>1</TD></TR>"

    assert read(votable(columns("s unicodeString *", "n int64"), rows)).schema.types == [
        pa.string(),
        pa.int64(),
    ]


# Arrays


def test_arrays_are_lists(no_astropy):
    content = votable(
        columns("a double 2", "b int *", "c boolean 2x2"),
        "<TR><TD>1.5 NaN</TD><TD>1  2\n3</TD><TD>T F ? 1</TD></TR><TR><TD/><TD></TD><TD></TD></TR>",
    )

    table = read(content)

    assert_same_values(table, astropy_table(content))
    assert table.to_pylist() == [
        {"a": [1.5, None], "b": [1, 2, 3], "c": [True, False, None, True]},
        {"a": None, "b": None, "c": None},
    ]


def test_an_array_of_the_wrong_length_is_what_astropy_makes_of_it():
    assert cells(votable(columns("a int 2"), "<TR><TD>1 2 3</TD></TR>")) == [[1, 2]]


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("c floatComplex", "1.5 2", [1.5, 2.0]),
        ("c doubleComplex 2", "1 2 3 4", [1.0, 2.0, 3.0, 4.0]),
        ("b bit", "1", True),
        ("b bit 4", "1 0 1 1", [True, False, True, True]),
        ("a int 2x*", "1 2 3 4", [1, 2, 3, 4]),
    ],
)
def test_what_we_do_not_cover_is_read_by_astropy(field, written, value):
    assert cells(votable(columns(field), f"<TR><TD>{written}</TD></TR>")) == [value]


def test_what_astropy_reads_keeps_text_longer_than_its_bound():
    row = "<TR><TD>12345</TD><TD>1 0</TD></TR>"

    table = read(votable(columns("s char 3*", "b bit 2"), row))

    assert table.to_pylist() == [{"s": "12345", "b": [True, False]}]


@pytest.mark.parametrize(
    "content",
    [
        votable(columns("a double 1000000000"), ""),
        votable(columns("c floatComplex 9999x9999"), ""),
        binary(columns("s char 2147483647"), b""),
        binary(columns("s char 2147483647", "b bit"), b"", "BINARY2"),
    ],
)
def test_cells_of_a_size_that_no_row_has_are_refused(content):
    with pytest.raises(UnreadableAnswer, match="more than 2097152 values in each cell"):
        read(content)


@pytest.mark.parametrize("size", ["2147483647*", "2147483647"])
@pytest.mark.parametrize("cell", ["<TD>x</TD>", "<TD>x<?pi?></TD>"])
def test_a_generous_size_of_text_costs_nothing(size, cell):
    content = votable(columns(f"s char {size}"), f"<TR>{cell}</TR>")

    assert read(content)["s"].to_pylist() == ["x"]


def test_a_table_of_rare_cells_without_rows_is_a_table():
    content = votable(columns("b bit 3"), "")

    assert read(content).num_rows == 0
    assert read(content.replace(b"<TABLEDATA></TABLEDATA>", b"<TABLEDATA/>")).num_rows == 0


def test_a_type_that_is_none_is_named():
    with pytest.raises(UnreadableAnswer, match="bar"):
        read(votable(columns("a bar"), ""))


# Binary


def test_binary2_flags_make_null_of_anything():
    fields = columns("s char *", "f float", "n int", "b boolean", "u unicodeChar 2", "a short 2")
    row = struct.pack(">I1sfic4s2h", 1, b"x", 1.0, 7, b"T", "ab".encode("utf-16-be"), 1, 2)
    content = binary(fields, b"\x00" + row + b"\xfc" + row, "BINARY2")

    assert read(content).to_pylist() == [
        {"s": "x", "f": 1.0, "n": 7, "b": True, "u": "ab", "a": [1, 2]},
        dict.fromkeys("sfnbua"),
    ]


def test_flags_and_not_a_number_are_null_together():
    content = binary(
        columns("f float"), struct.pack(">BfBfBf", 0, 1, 0, math.nan, 128, 2), "BINARY2"
    )

    assert cells(content) == [1.0, None, None]


def test_binary_text_of_fixed_length_ends_at_its_first_nul():
    assert cells(binary(columns("s char 4"), b"ab\0cabcd\0\0\0\0")) == ["ab", "abcd", ""]


def test_binary_text_keeps_its_spaces():
    assert cells(binary(columns("s char *"), b"\0\0\0\4 ab ")) == [" ab "]


def test_binary_char_may_be_utf8_and_what_is_not_is_marked():
    content = binary(columns("s char *"), b"\0\0\0\2\xc3\xa9\0\0\0\1\xe9")

    assert read(content)["s"].to_pylist() == ["é", "\ufffd"]


def test_binary_nulls_of_integers_are_null():
    fields = '<FIELD name="n" datatype="short"><VALUES null="-1"/></FIELD>'

    assert cells(binary(fields, struct.pack(">3h", 1, -1, 3))) == [1, None, 3]


def test_binary_truths_are_told_from_what_is_unknown():
    assert cells(binary(columns("b boolean"), b"Tt1Ff0? \0")) == [
        *[True] * 3,
        *[False] * 3,
        *[None] * 3,
    ]


def test_a_binary_letter_that_is_no_truth_is_unreadable():
    with pytest.raises(UnreadableAnswer, match="neither true, false nor null"):
        read(binary(columns("b boolean"), b"TX"))


def test_binary_arrays_are_lists():
    fields = columns("a double *", "b int 2")
    raw = struct.pack(">I2d2iI2i", 2, 1.5, float("nan"), 1, 2, 0, 3, 4)
    content = binary(fields, raw)

    table = read(content)

    assert_same_values(table, astropy_table(content))
    assert table.to_pylist() == [{"a": [1.5, None], "b": [1, 2]}, {"a": [], "b": [3, 4]}]


def test_a_count_beyond_the_answer_is_a_cut_off_answer():
    with pytest.raises(UnreadableAnswer, match="cut off"):
        read(binary(columns("s char *"), b"\xff\xff\xff\xffab"))
