"""What becomes of an answer as a whole: its status, its end, its encoding, and what is not one."""

import contextlib
import gzip
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esap.errors import EsapError, QueryRejected, TooLarge, UnreadableAnswer
from esap.tables.columns import Column
from esap.tables.votable import read_votable
from tests.support.properties import CHEAP, COSTLY
from tests.unit.esap.tables.made import columns, votable
from tests.unit.esap.tables.same import in_chunks, read

ROW = "<TR><TD>1</TD><TD>x</TD></TR>"
FIELDS = columns("n int", "s char *")
PLAIN = votable(FIELDS, ROW)
BINARY = (
    b'<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="n" datatype="int"/><DATA><BINARY>'
    b'<STREAM encoding="base64">AAAAAQAAAAI=</STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>'
)


def failure(content: bytes, size: int = 1 << 16) -> str:
    with pytest.raises(UnreadableAnswer) as caught:
        read(content, size)
    return caught.value.detail


def rejection(content: bytes) -> str:
    with pytest.raises(QueryRejected) as caught:
        read(content)
    return caught.value.detail


def test_the_metadata_of_the_fields_come_with_the_columns():
    content = votable(
        '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra" utype="a:b" xtype="x">'
        "<DESCRIPTION>Right\n  ascension &amp; more</DESCRIPTION></FIELD>"
        '<FIELD name="s_region" datatype="char" arraysize="*"/>',
        "",
    )

    stream = read_votable(in_chunks(content))

    assert stream.columns == [
        Column(
            "ra",
            "double",
            unit="deg",
            ucd="pos.eq.ra",
            utype="a:b",
            xtype="x",
            description="Right ascension & more",
        ),
        Column("s_region", "char", "*"),
    ]


def test_the_columns_are_known_before_the_first_row_has_come():
    def chunks():
        yield PLAIN[: PLAIN.index(b"<TR>")]
        raise AssertionError("a row was asked for")

    assert read_votable(chunks()).schema.names == ["n", "s"]


def test_rows_come_before_the_answer_has_ended():
    many = votable(FIELDS, ROW * 5000)

    def chunks():
        yield many[: len(many) // 2]
        raise AssertionError("more was asked for")

    assert next(iter(read_votable(chunks()))).num_rows > 1000


def test_columns_of_one_name_are_told_apart():
    content = votable(columns("ra int", "RA int", "ra int"), "")

    assert read(content).column_names == ["ra", "RA_2", "ra_3"]


def test_closing_the_stream_closes_the_source():
    def chunks():
        try:
            yield PLAIN
        finally:
            closed.append(True)

    closed: list[bool] = []

    read_votable(chunks()).close()

    assert closed == [True]


# What the service says


def test_an_error_is_the_services_own_sentence():
    content = votable(FIELDS, "").replace(
        b'value="OK"/>', b'value="ERROR">No such table:\n <![CDATA[a<b]]></INFO>'
    )

    assert rejection(content) == "No such table: a<b"


def test_an_error_after_the_rows_is_raised_after_the_rows():
    content = votable(FIELDS, ROW, '<INFO name="QUERY_STATUS" value="ERROR">disk full</INFO>')
    stream = iter(read_votable(in_chunks(content)))

    rows = next(stream).to_pylist()

    assert rows == [{"n": 1, "s": "x"}]
    with pytest.raises(QueryRejected, match=r"^disk full$"):
        next(stream)


@pytest.mark.parametrize(
    "told",
    [
        '<INFO name="Error" value="bad RA"/>',
        '<PARAM name="Error" datatype="char" arraysize="*" value="bad RA"/>',
    ],
)
def test_an_error_of_a_cone_search_is_told(told):
    assert rejection(f"<VOTABLE><RESOURCE>{told}</RESOURCE></VOTABLE>".encode()) == "bad RA"


def test_an_overflow_is_known_when_the_rows_have_ended():
    content = votable(FIELDS, ROW, '<INFO name="QUERY_STATUS" value="OVERFLOW"/>')
    stream = read_votable(in_chunks(content))

    rows = stream.read_all()

    assert rows.num_rows == 1
    assert stream.overflow is True


def test_without_an_overflow_there_is_none():
    stream = read_votable(in_chunks(PLAIN))

    stream.read_all()

    assert stream.overflow is False


def test_a_table_without_data_has_columns_and_no_rows():
    content = PLAIN[: PLAIN.index(b"<DATA>")] + b"</TABLE></RESOURCE></VOTABLE>"

    assert read(content).num_rows == 0
    assert read(content).column_names == ["n", "s"]


@pytest.mark.parametrize(
    "rows",
    [
        "<TABLEDATA/>",
        "<TABLEDATA />",
        "<TABLEDATA>\n </TABLEDATA>",
        '<BINARY><STREAM encoding="base64"/></BINARY>',
        '<BINARY2><STREAM encoding="base64"> </STREAM></BINARY2>',
    ],
)
def test_empty_data_are_no_rows(rows):
    content = (
        PLAIN[: PLAIN.index(b"<TABLEDATA>")] + rows.encode() + PLAIN[PLAIN.index(b"</DATA>") :]
    )

    assert read(content).num_rows == 0


def test_the_first_table_of_the_results_wins():
    meta = '<RESOURCE type="meta"><TABLE><FIELD name="m" datatype="int"/></TABLE></RESOURCE>'
    content = PLAIN.replace(b"<RESOURCE", meta.encode() + b"<RESOURCE", 1).replace(
        b"</TABLE></RESOURCE></VOTABLE>",
        f"</TABLE><TABLE>{columns('later int')}<DATA><TABLEDATA><TR><TD>7</TD></TR></TABLEDATA>"
        "</DATA></TABLE></RESOURCE></VOTABLE>".encode(),
    )

    assert read(content).to_pylist() == [{"n": 1, "s": "x"}]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    "aside",
    [
        "<!-- <TABLEDATA> -->",
        "<!-- <STREAM isn't \" > -->",
        '<INFO name="a>b" value="&lt;TABLEDATA>"/>',
    ],
)
def test_what_only_looks_like_the_beginning_of_the_rows_is_not(aside, size):
    content = PLAIN.replace(b"<TABLE>", aside.encode() + b"<TABLE>")

    assert read(content, size).to_pylist() == [{"n": 1, "s": "x"}]


# What is cut off or broken: never fewer rows in silence


@pytest.mark.parametrize("content", [PLAIN, BINARY])
def test_an_answer_cut_off_anywhere_is_unreadable(content):
    for end in range(1, len(content)):
        assert failure(content[:end])


def test_a_cut_off_answer_is_said_to_be_cut_off():
    assert failure(PLAIN[:-30]).startswith("The answer is cut off before its end.")
    assert failure(PLAIN[: PLAIN.index(b"</TABLEDATA>")]).startswith(
        "The answer is cut off among its rows."
    )


def test_binary_rows_with_bytes_left_over_are_unreadable():
    assert failure(BINARY.replace(b"AAAAAQAAAAI=", b"AAAAAQAAAAIA")).startswith(
        "The answer is cut off among its rows."
    )


@pytest.mark.parametrize(
    "rows", [b"AAAA*QAAAAI=", b"AAAAAQ==AAAA", b"AAAAAQAAAAI", b"AAAA\xc3\xa9Q="]
)
def test_rows_that_are_not_base64_are_unreadable(rows):
    assert failure(BINARY.replace(b"AAAAAQAAAAI=", rows))


def test_binary_rows_are_not_dropped_behind_a_comment():
    assert failure(BINARY.replace(b"AAAAAQAAAAI=", b"AAAAAQAA<!-- -->AAI="))
    assert "broken by markup" in failure(BINARY.replace(b"AAAAAQAAAAI=", b"AAAA<!-- -->AQAAAAI="))


@pytest.mark.parametrize("content", [PLAIN, BINARY])
def test_rows_of_a_table_without_columns_are_unreadable(content):
    start, end = content.index(b"<FIELD"), content.index(b"<DATA>")

    assert failure(content[:start] + content[end:]) == (
        "The service's answer is a table without columns."
    )


def test_a_row_with_a_cell_too_few_is_unreadable():
    assert "E21" in failure(votable(FIELDS, ROW + "<TR><TD>1</TD></TR>"))


def test_a_row_with_a_cell_too_many_is_unreadable():
    assert "E20" in failure(votable(FIELDS, ROW.replace("</TR>", "<TD>2</TD></TR>")))


@pytest.mark.parametrize("separator", ["\x1c", "\x1d", "\x1e", "\x1f"])
def test_characters_that_xml_forbids_do_not_split_cells_or_rows(separator):
    assert failure(votable(columns("s char *"), f"<TR><TD>a{separator}b</TD></TR>"))


def test_a_number_that_is_none_is_unreadable():
    assert "abc" in failure(votable(FIELDS, ROW.replace("1", "abc")))


SPLINTERS = [
    b"", b"\x00", b"\xff", b"=", b"*", b"&", b"<", b"<TR>", b"</TD>", b"<!--", b"-->", b"</DATA>",
    b'datatype="bit"', b'arraysize="3x*"', b"<FIELD/>", b"<INFO>", b"<DESCRIPTION>", b"<PARAM/>",
]  # fmt: skip
DAMAGE = st.tuples(st.integers(0, 10_000), st.integers(0, 30), st.sampled_from(SPLINTERS))


@pytest.mark.filterwarnings("ignore")
@CHEAP
@given(
    content=st.sampled_from([PLAIN, BINARY, votable(columns("b bit 2"), ROW)]),
    damage=st.lists(DAMAGE, min_size=1, max_size=4),
)
def test_a_damaged_answer_is_read_or_refused_and_nothing_else(content, damage):
    for where, length, what in damage:
        start = where % len(content)
        content = content[:start] + what + content[start + length :]

    with contextlib.suppress(EsapError):
        read(content, 50)


def test_descriptions_in_what_is_skipped_are_skipped():
    skipped = (
        '<INFO name="a"><TABLE><FIELD name="x" datatype="int"><DESCRIPTION>d</DESCRIPTION></FIELD>'
        "</TABLE></INFO>"
    )
    meta = f'<RESOURCE type="meta">{skipped}</RESOURCE><RESOURCE'.encode()

    assert read(PLAIN.replace(b"<RESOURCE", meta, 1)).num_rows == 1


# What is not a VOTable


def test_an_empty_answer_is_said_to_be_empty():
    assert failure(b"") == "The service's answer is empty."
    assert failure(b" \n") == "The service's answer is empty."


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html>\n<html><body><p>Maintenance<br></body></html>",
        b"<html><head><title>502 Bad Gateway</title></head></html>",
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    ],
)
def test_a_web_page_is_said_to_be_one(page):
    assert failure(page) == "The service answered with a web page instead of a table."


def test_another_document_is_named():
    assert failure(b"<capabilities/>") == (
        "The service's answer is not a VOTable but an XML capabilities document."
    )


def test_text_is_said_not_to_be_xml():
    assert failure(b"ra,dec\n1,2\n") == "The service's answer is not a VOTable: it is not XML."


# What is dangerous


def test_entities_of_the_document_are_refused():
    bomb = b'<!DOCTYPE VOTABLE [<!ENTITY a "b">]>' + PLAIN.partition(b"\n")[2]

    assert failure(bomb) == "The answer declares XML entities of its own, which is not safe."


def test_the_old_document_type_is_not_fetched_and_does_no_harm():
    old = b'<!DOCTYPE VOTABLE SYSTEM "http://us-vo.org/xml/VOTable.dtd">'

    assert read(old + PLAIN.partition(b"\n")[2]).num_rows == 1


@pytest.mark.parametrize("kind", ["FITS", "PARQUET"])
def test_a_file_of_another_format_inside_is_named(kind):
    assert f"are a {kind} file inside a VOTable" in failure(
        BINARY.replace(b"BINARY", kind.encode())
    )


@pytest.mark.parametrize("kind", ["BINARY", "BINARY2", "FITS", "PARQUET"])
def test_rows_in_another_file_are_not_fetched(kind):
    content = BINARY.replace(b"BINARY", kind.encode()).replace(
        b'<STREAM encoding="base64">AAAAAQAAAAI=', b'<STREAM href="file:///etc/passwd">'
    )

    assert "this is not followed" in failure(content)


def test_a_gzip_bomb_is_refused_before_it_is_unpacked():
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(PLAIN[: PLAIN.index(b"<TR>")])
    bomb += b"".join(packer.compress(ROW.encode() * 40_000) for _ in range(200)) + packer.flush()

    with pytest.raises(TooLarge, match="unpacks to far more"):
        read(bomb)


def test_a_row_without_an_end_is_refused():
    def chunks():
        yield PLAIN[: PLAIN.index(b"</TD>")]
        while True:
            yield b"x" * 100_000

    with pytest.raises(UnreadableAnswer, match="a row of more than 16 MB"):
        read_votable(chunks()).read_all()


def test_a_head_without_an_end_is_refused():
    def chunks():
        yield b"<VOTABLE>"
        while True:
            yield b"<!-- %b -->" % (b"x" * 1000) * 100

    with pytest.raises(TooLarge):
        read_votable(chunks())


# How it is packed and encoded


def test_gzip_is_unpacked_also_in_several_members():
    packed = gzip.compress(PLAIN[:300]) + gzip.compress(PLAIN[300:])

    assert read(packed, 7).to_pylist() == [{"n": 1, "s": "x"}]


def test_gzip_that_is_cut_off_is_said_to_be():
    assert "gzip data have no end" in failure(gzip.compress(PLAIN)[:-9])


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8"),
        ("latin-1", "ISO-8859-1"),
        ("cp1252", "windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16LE"),
        ("utf-16-be", "UTF-16BE"),
    ],
)
@COSTLY
@given(size=st.integers(1, 700))
def test_an_answer_is_read_in_the_encoding_it_declares(encoding, declared, size):
    text = votable(FIELDS, ROW.replace("x", "é ä")).decode()
    content = text.replace("UTF-8", declared).encode(encoding)

    assert read(content, size).to_pylist() == [{"n": 1, "s": "é ä"}]


def test_an_answer_that_says_utf16_in_single_bytes_is_utf8():
    assert read(PLAIN.replace(b"UTF-8", b"utf-16")).num_rows == 1


def test_an_unknown_encoding_is_named():
    assert "klingon" in failure(PLAIN.replace(b"UTF-8", b"klingon"))


def test_a_codec_that_is_not_of_text_is_unknown():
    assert "zlib" in failure(PLAIN.replace(b"UTF-8", b"zlib"))


def test_bytes_that_are_not_utf8_are_unreadable():
    assert failure(PLAIN.replace(b"<TD>x", b"<TD>\xe9"))


def test_a_file_can_be_read_as_chunks():
    file = BytesIO(PLAIN)

    assert read_votable(iter(lambda: file.read(10), b"")).read_all().num_rows == 1


@pytest.mark.parametrize("size", ["9" * 5000, "²", "3x", "-5", "x*", "**"])  # noqa: RUF001 -- a digit, says Python
def test_a_size_of_cells_that_is_none_is_refused(size):
    field = f'<FIELD name="a" datatype="double" arraysize="{size}"/>'

    assert failure(votable(field, "<TR><TD>1</TD></TR>")) == (
        "The answer has a column with a size of cells that is none."
    )


def test_more_columns_than_any_table_has_are_refused_at_once():
    content = votable('<FIELD name="a" datatype="int"/>' * 5_001, "")

    with pytest.raises(TooLarge, match="more than 5000 columns"):
        read(content)
