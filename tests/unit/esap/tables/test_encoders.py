"""What every format makes of a table: exact bytes, and the same values when read back."""

import csv
import datetime as dt
import io
import json
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from astropy.io.votable import parse
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet

from esap.tables.columns import Column
from esap.tables.encoders import ENCODERS
from esap.tables.stream import TableStream
from esap.tables.votable import read_votable
from tests.unit.esap.tables.made import ASCII, NUMBERS, UNICODE
from tests.unit.esap.tables.same import assert_same_values, in_chunks

RA = Column("ra", "double", unit="deg", ucd="pos.eq.ra", description="a < b & c")
NAME = Column("name", "char", "*")
SCHEMA = pa.schema([RA.field(), NAME.field()])
STARS = pa.table({"ra": [1.5, None], "name": ['say "hi", <you> & é', None]}, schema=SCHEMA)


def encoded(name: str, table: pa.Table, footer: dict[str, object] | None = None) -> bytes:
    said = None if footer is None else lambda: footer
    return b"".join(ENCODERS[name].encode(TableStream.of(table), said))


def one(name: str, array: pa.Array) -> bytes:
    return encoded(name, pa.table({"v": array}))


def values(array: pa.Array) -> list[object]:
    return json.loads(one("json-columns", array))["data"]["v"]


def strict(content: bytes):
    return parse(io.BytesIO(content), verify="exception").get_first_table()


def test_the_formats_are_those_of_the_api():
    assert list(ENCODERS) == [
        "json",
        "json-columns",
        "ndjson",
        "csv",
        "votable",
        "votable-td",
        "parquet",
        "arrow",
    ]
    assert all(ENCODERS[name].name == name for name in ENCODERS)
    assert len({encoder.media_type for encoder in ENCODERS.values()}) == len(ENCODERS)


# The bytes of each format


def test_json_has_columns_rows_and_the_footers_members():
    columns = (
        '[{"name":"ra","datatype":"double","arraysize":null,"unit":"deg","ucd":"pos.eq.ra",'
        '"utype":null,"description":"a < b & c","xtype":null},'
        '{"name":"name","datatype":"char","arraysize":"*","unit":null,"ucd":null,"utype":null,'
        '"description":null,"xtype":null}]'
    )

    assert encoded("json", STARS, {"overflow": False}).decode() == (
        f'{{"columns":{columns},\n"rows":[\n'
        '[1.5,"say \\"hi\\", <you> & é"],\n'
        '[null,null]],"overflow":false}\n'
    )


def test_json_by_columns_has_an_array_for_each():
    document = json.loads(encoded("json-columns", STARS, {"archives": {"a": "ok"}}))

    assert list(document) == ["columns", "data", "archives"]
    assert document["data"] == {"ra": [1.5, None], "name": ['say "hi", <you> & é', None]}


def test_ndjson_is_an_object_a_line():
    assert encoded("ndjson", STARS).decode() == (
        '{"ra":1.5,"name":"say \\"hi\\", <you> & é"}\n{"ra":null,"name":null}\n'
    )


def test_csv_quotes_what_must_be_quoted():
    assert encoded("csv", STARS).decode() == 'ra,name\r\n1.5,"say ""hi"", <you> & é"\r\n,\r\n'


def test_csv_tells_no_text_from_nothing():
    assert one("csv", pa.array(["", None, "a\nb", "a\r", "x"])).decode() == (
        'v\r\n""\r\n""\r\n"a\nb"\r\n"a\r"\r\nx\r\n'
    )
    assert encoded("csv", pa.table({"a": ["", None], "b,": [1, 2]})).decode() == (
        'a,"b,"\r\n"",1\r\n,2\r\n'
    )


def test_votable_escapes_and_says_what_is_known():
    content = encoded("votable-td", STARS, {"archives": {"a": "ok"}, "note": '<&"'}).decode()

    assert content == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        '<RESOURCE type="results">\n<INFO name="QUERY_STATUS" value="OK"/>\n<TABLE>\n'
        '<FIELD name="ra" datatype="double" unit="deg" ucd="pos.eq.ra">'
        "<DESCRIPTION>a &lt; b &amp; c</DESCRIPTION></FIELD>\n"
        '<FIELD name="name" datatype="unicodeChar" arraysize="*"/>\n'
        "<DATA>\n<TABLEDATA>\n"
        '<TR><TD>1.5</TD><TD>say "hi", &lt;you&gt; &amp; é</TD></TR>\n'
        "<TR><TD></TD><TD></TD></TR>\n"
        "</TABLEDATA>\n</DATA>\n</TABLE>\n"
        '<INFO name="archives" value=\'{"a":"ok"}\'/>\n'
        '<INFO name="note" value=\'&lt;&amp;"\'/>\n'
        "</RESOURCE>\n</VOTABLE>\n"
    )


@pytest.mark.parametrize("name", ["votable", "votable-td"])
def test_votable_says_when_there_is_more_after_the_rows(name):
    stream = TableStream(SCHEMA, STARS.to_batches(), overflowed=lambda: True)

    content = b"".join(ENCODERS[name].encode(stream))

    assert b'</TABLE>\n<INFO name="QUERY_STATUS" value="OVERFLOW"/>\n' in content
    again = read_votable(in_chunks(content))
    assert again.read_all().num_rows == 2
    assert again.overflow is True


@pytest.mark.parametrize("name", ["votable", "votable-td"])
def test_votable_keeps_characters_that_xml_forbids_out(name):
    table = pa.table({"a\x00": ["x\x0by", "\r\n \uffff"]})

    again = read_votable(in_chunks(encoded(name, table))).read_all()

    assert again.column_names == ["a\ufffd"]
    assert again[0].to_pylist()[0] in {"x\ufffdy", "x\x0by"}  # BINARY2 can hold it


def test_parquet_keeps_the_table_its_metadata_and_the_footer():
    file = parquet.ParquetFile(io.BytesIO(encoded("parquet", STARS, {"n": 1, "s": "t"})))

    assert file.read().equals(STARS, check_metadata=False)
    assert file.schema_arrow.field("ra").metadata[b"ucd"] == b"pos.eq.ra"
    assert file.metadata.metadata[b"n"] == b"1"
    assert file.metadata.metadata[b"s"] == b"t"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_parquet_carries_a_votable_header_for_units_and_ucds():
    told = parquet.read_metadata(io.BytesIO(encoded("parquet", STARS))).metadata

    assert told[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    (ra, _name) = strict(told[b"IVOA.VOTable-Parquet.content"]).fields
    assert (ra.unit.to_string(), ra.ucd) == ("deg", "pos.eq.ra")


def test_arrow_is_the_table_itself():
    assert ipc.open_stream(encoded("arrow", STARS)).read_all().equals(STARS, check_metadata=True)


@pytest.mark.parametrize("name", ENCODERS)
def test_a_table_without_rows_is_a_table(name):
    content = encoded(name, STARS.slice(0, 0), {})

    reading = {
        "json": lambda: json.loads(content)["rows"],
        "json-columns": lambda: json.loads(content)["data"]["ra"],
        "ndjson": content.splitlines,
        "csv": lambda: content.splitlines()[1:],
        "votable": lambda: strict(content).array,
        "votable-td": lambda: strict(content).array,
        "parquet": lambda: parquet.read_table(io.BytesIO(content)),
        "arrow": lambda: ipc.open_stream(content).read_all(),
    }
    assert len(reading[name]()) == 0


# Values


def test_numbers_in_json_are_short_and_exact():
    assert one("ndjson", pa.array([0.1, 1e-7, 3.4e38, 16777216.0], pa.float32())).split() == [
        b'{"v":0.1}',
        b'{"v":1e-7}',
        b'{"v":3.4e+38}',
        b'{"v":16777216}',
    ]
    assert values(pa.array([2**53 + 1, -(2**63)])) == [2**53 + 1, -(2**63)]
    assert values(pa.array([2**64 - 1], pa.uint64())) == [2**64 - 1]


def test_json_has_no_number_that_is_none():
    assert values(pa.array([math.nan, math.inf, -math.inf, None])) == [None] * 4
    assert values(pa.array([[math.nan, 1.0]])) == [[None, 1.0]]


def test_json_escapes_what_json_forbids():
    texts = ['"', "\\", "\n\t\r", "\x00\x1f", "é😀", "/", ""]

    assert values(pa.array([*texts, None])) == [*texts, None]


ODD = {
    "time": (
        pa.array([dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC), None], pa.timestamp("us")),
        ["2020-01-02T03:04:05Z", None],
    ),
    "zoned": (
        pa.array(
            [dt.datetime(2020, 1, 2, 3, 4, 5, 60_000, tzinfo=dt.UTC)],
            pa.timestamp("ms", "Europe/Paris"),
        ),
        ["2020-01-02T03:04:05.060Z"],
    ),
    "date": (pa.array([dt.date(2020, 1, 2), None]), ["2020-01-02", None]),
    "duration": (pa.array([1500, None], pa.duration("ms")), [1.5, None]),
    "dictionary": (pa.array(["x", "y", None]).dictionary_encode(), ["x", "y", None]),
    "decimal": (pa.array([Decimal("1.50"), None]), [1.5, None]),
    "half": (pa.array([np.float16(1.5), None], pa.float16()), [1.5, None]),
    "bytes": (pa.array([b"\x00\xff", None, b""]), ["00ff", None, ""]),
    "view": (pa.array(["x", None], pa.string_view()), ["x", None]),
    "large": (pa.array(["x", None], pa.large_string()), ["x", None]),
    "nothing": (pa.nulls(2), [None, None]),
    "small": (pa.array([-1, None], pa.int8()), [-1, None]),
    "unsigned": (pa.array([2**32 - 1, None], pa.uint32()), [2**32 - 1, None]),
    "truths": (pa.array([True, False, None]), [True, False, None]),
    "list": (pa.array([[1, None], None, []]), [[1, None], None, []]),
    "fixed": (pa.array([[1, 2], None], pa.list_(pa.int16(), 2)), [[1, 2], None]),
    "texts": (pa.array([["a", '"'], None, []]), [["a", '"'], None, []]),
    "nested": (pa.array([[[1], []], None]), ["[[1],[]]", None]),
    "struct": (pa.array([{"a": 1}, None]), ['{"a":1}', None]),
}


@pytest.mark.parametrize("kind", ODD)
def test_every_arrow_type_has_a_place_in_json(kind):
    array, expected = ODD[kind]

    assert values(array) == expected
    assert [row[0] for row in json.loads(one("json", array))["rows"]] == expected


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ENCODERS)
def test_every_arrow_type_can_be_encoded_also_in_slices(kind, name):
    array = pa.concat_arrays([ODD[kind][0]] * 3)
    table = pa.table({"v": array, "n": range(len(array))})

    assert encoded(name, table.slice(1, 3))


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", ["votable", "votable-td"])
def test_every_arrow_type_has_a_place_in_votable(kind, name):
    array, expected = ODD[kind]

    content = one(name, array)

    assert strict(content) is not None
    again = read_votable(in_chunks(content)).read_all()["v"].to_pylist()
    as_text = [
        json.dumps(v, separators=(",", ":")) if kind == "texts" and v is not None else v
        for v in expected
    ]
    if name == "votable-td":  # where an empty text, an empty array and nothing look the same
        assert [cell or None for cell in again] == [cell or None for cell in as_text]
    else:
        assert again == as_text


@pytest.mark.parametrize("name", ["votable", "votable-td"])
def test_in_an_array_no_integer_is_taken_for_null(name):
    lists = [[-(2**15), None, 2**15 - 1]]

    again = read_votable(in_chunks(one(name, pa.array(lists, pa.list_(pa.int16()))))).read_all()

    assert again["v"].to_pylist() == lists


@pytest.mark.parametrize("name", ["votable", "votable-td"])
def test_an_array_is_written_whole_whatever_size_its_column_declares(name):
    lists = [[1.0], [1.0, 2.0, 3.0], None]
    table = pa.table({"a": lists}, pa.schema([Column("a", "double", "2").field()]))

    assert read_votable(in_chunks(encoded(name, table))).read_all()["a"].to_pylist() == lists


# Any table


LEAST_LONG = -(2**63)  # stands for null within an array in VOTable


@st.composite
def arrow_tables(draw: st.DrawFn) -> pa.Table:
    """Up to 5 columns of up to 9 rows of VOTable's types, with nulls, in one or more batches."""
    rows = draw(st.integers(0, 9))
    columns = []
    for number in range(draw(st.integers(1, 5))):
        datatype = draw(st.sampled_from([*NUMBERS, "char", "unicodeChar"]))
        listed = datatype in NUMBERS and draw(st.sampled_from([None, None, "*", "2"]))
        column = Column(
            f"c{number}", datatype, listed or ("*" if datatype not in NUMBERS else None)
        )
        item = NUMBERS.get(datatype, ASCII if datatype == "char" else UNICODE)
        if listed:
            item = item.filter(lambda value: value != LEAST_LONG)
            sizes = {"*": (0, 3), "2": (2, 2)}[listed]
            item = st.lists(item, min_size=sizes[0], max_size=sizes[1])
        cells = draw(st.lists(st.none() | item, min_size=rows, max_size=rows))
        columns.append((column.field(), pa.array(cells, column.field().type)))
    table = pa.table([array for _, array in columns], pa.schema([field for field, _ in columns]))
    cut = draw(st.integers(0, rows))
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)])


def expected_back(table: pa.Table, *, text_format: bool) -> list[dict[str, object]]:
    def cell(value):
        if isinstance(value, float) and math.isnan(value):
            return None
        if isinstance(value, list):
            return [cell(item) for item in value] or (None if text_format else [])
        if isinstance(value, str) and text_format:
            return value.strip(" ")
        return value

    return [{key: cell(value) for key, value in row.items()} for row in table.to_pylist()]


@pytest.mark.parametrize("name", ["votable", "votable-td"])
@given(table=arrow_tables())
def test_any_table_as_votable_is_read_back_by_astropy_and_by_us(name, table):
    content = encoded(name, table)

    again = read_votable(in_chunks(content)).read_all()

    assert_same_values(again, strict(content))
    text = name == "votable-td"
    for row, wanted in zip(again.to_pylist(), expected_back(table, text_format=text), strict=True):
        for key, value in wanted.items():
            assert row[key] == value or (text and not row[key] and not value)


@given(table=arrow_tables())
def test_any_table_as_json_has_its_values(table):
    def cell(value):
        if isinstance(value, list):
            return [cell(item) for item in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    wanted = [{key: cell(value) for key, value in row.items()} for row in table.to_pylist()]

    def same(given, values):
        for mine, value in zip(given, values, strict=True):
            if isinstance(value, list) and mine is not None:
                same(mine, value)
            elif isinstance(value, float):
                assert mine == value or np.float32(mine) == np.float32(value)
            else:
                assert mine == value

    rows = [list(row.values()) for row in wanted]
    for given_row, row in zip(json.loads(encoded("json", table))["rows"], rows, strict=True):
        same(given_row, row)
    lines = [json.loads(line) for line in encoded("ndjson", table).decode().split("\n") if line]
    for line, row in zip(lines, wanted, strict=True):
        same(list(line.values()), list(row.values()))
    by_columns = json.loads(encoded("json-columns", table))["data"]
    for key in table.column_names:
        same(by_columns[key], [row[key] for row in wanted])


@given(table=arrow_tables())
def test_any_table_as_csv_has_its_rows_and_texts(table):
    names, *rows = csv.reader(io.StringIO(encoded("csv", table).decode(), newline=""))

    assert names == table.column_names
    assert len(rows) == table.num_rows
    for number, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            assert [row[number] for row in rows] == [v or "" for v in table[number].to_pylist()]


@given(table=arrow_tables())
def test_any_table_as_parquet_or_arrow_is_the_same_table(table):
    assert ipc.open_stream(encoded("arrow", table)).read_all().to_pydict().__repr__() == repr(
        table.to_pydict()
    )
    again = parquet.read_table(io.BytesIO(encoded("parquet", table)))
    assert repr(again.to_pydict()) == repr(table.to_pydict())


# A piece at a time


@pytest.mark.parametrize(
    "name", [name for name in ENCODERS if name not in {"json-columns", "parquet"}]
)
def test_bytes_leave_before_the_last_row_has_come(name):
    def batches():
        yield STARS.to_batches()[0]
        raise AssertionError("a second batch was asked for")

    leaving = ENCODERS[name].encode(TableStream(SCHEMA, batches()))

    sent = b"".join(next(leaving) for _ in range({"csv": 2, "ndjson": 1, "arrow": 1}.get(name, 2)))

    assert b"hi" in sent or name == "votable"


def test_a_large_batch_is_encoded_in_pieces():
    table = pa.table({"s": ["x" * 1000] * 50_000})

    sizes = [len(piece) for piece in ENCODERS["ndjson"].encode(TableStream.of(table))]

    assert sum(sizes) == 50_000 * 1009
    assert max(sizes) < 5_000_000


def test_the_footer_is_asked_after_the_last_row():
    def batches():
        yield STARS.to_batches()[0]
        seen.append("rows")

    def footer():
        seen.append("footer")
        return {}

    for name in ("json", "json-columns", "votable", "votable-td", "parquet"):
        seen: list[str] = []

        list(ENCODERS[name].encode(TableStream(SCHEMA, batches()), footer))

        assert seen == ["rows", "footer"]
