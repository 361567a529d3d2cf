"""What can be asked of a stored table, and that nothing asked does harm."""

import math

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esap.errors import InvalidRequest, TooLarge
from esap.results import reading
from esap.results.filters import Filter, Order, filter_from, order_from
from esap.results.reading import facts, page, rows, schema_of
from esap.results.writing import store
from esap.tables.stream import TableStream

NAMES = ["M31", "m33", "NGC 1", None, "O'Hara; DROP TABLE x --", "Änderung"]


def names(stored, *filters, sort="", **asked):
    schema = schema_of(stored)
    found = page(
        stored,
        filters=[filter_from(text, schema) for text in filters],
        sort=order_from(sort, schema),
        **asked,
    )
    return found.table.read_all()["name"].to_pylist()


def refusal(stored, *filters, sort="", **asked):
    with pytest.raises(InvalidRequest) as refused:
        names(stored, *filters, sort=sort, **asked)
    return refused.value.detail


def walked(stored, limit, **asked):
    """Return the pages of a table, to the last."""
    pages, cursor = [], ""
    while cursor is not None:
        found = page(stored, limit=limit, cursor=cursor, **asked)
        pages.append(found.table.read_all())
        cursor = found.cursor
    return pages


def test_a_page_has_the_first_rows_and_says_how_many_there_are(stars):
    found = page(stars, limit=2)

    table = found.table.read_all()
    assert table["name"].to_pylist() == NAMES[:2]
    assert (found.total, found.matching) == (6, 6)
    assert found.cursor


def test_pages_lead_through_all_rows_in_the_order_of_the_file(stars):
    pages = walked(stars, 4)

    assert [table["name"].to_pylist() for table in pages] == [NAMES[:4], NAMES[4:]]


def test_columns_keep_unit_ucd_and_description(stars):
    columns = {column.name: column for column in page(stars).table.columns}

    assert columns["mag"].unit == "mag"
    assert columns["name"].description == "What it is called"
    assert columns["name"].ucd == "meta.id"


def test_only_the_columns_asked_for_come_in_the_order_asked(stars):
    table = page(stars, columns=["n", "name"], limit=1).table.read_all()

    assert table.to_pylist() == [{"n": 1, "name": "M31"}]


def test_what_was_told_of_a_table_is_told_again(stars):
    assert facts(stars) == {"search": "x", "problems": []}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("mag:lt:5.7", ["M31"]),
        ("mag:le:5.7", ["M31", "m33", NAMES[4]]),
        ("mag:gt:9", [None]),
        ("mag:ge:9", [None, "Änderung"]),
        ("mag:eq:5.7", ["m33", NAMES[4]]),
        ("mag:ne:5.7", ["M31", None, "Änderung"]),
        ("mag:in:3.4,12", ["M31", None]),
        ("mag:is_null", ["NGC 1"]),
        ("mag:not_null", ["M31", "m33", None, NAMES[4], "Änderung"]),
        ("mag:lt:inf", ["M31", "m33", None, NAMES[4], "Änderung"]),
        ("mag:gt:1e400", []),
        ("MAG:lt:5.7", ["M31"]),
        ("g:eq:0.1", ["M31"]),
        ("g:in:0.1,0.2", ["M31", "m33"]),
        ("g:lt:1e300", ["M31", "m33", "NGC 1", NAMES[4], "Änderung"]),
        ("n:eq:4611686018427387904", ["Änderung"]),
        ("n:gt:2.5", ["NGC 1", None, "Änderung"]),
        ("n:in:1,2.0", ["M31", "m33"]),
        ("n:lt:99999999999999999999999999999999999999999999", [*NAMES[:4], "Änderung"]),
        ("n:gt:-" + "9" * 3000, [*NAMES[:4], "Änderung"]),
        ("bright:eq:true", ["M31", "m33"]),
        ("bright:ne:TRUE", [None, NAMES[4], "Änderung"]),
        ("name:eq:M31", ["M31"]),
        ("name:starts:m3", ["M31", "m33"]),
        ("name:contains:äNDER", ["Änderung"]),
        ("name:contains:%", []),
        ('name:in:M31,"O\'Hara; DROP TABLE x --"', ["M31", NAMES[4]]),
        ("name:is_null", [None]),
        ("name:gt:N", ["m33", "NGC 1", NAMES[4], "Änderung"]),
    ],
)
def test_a_filter_keeps_the_rows_that_fulfil_it(stars, asked, expected):
    assert names(stars, asked) == expected


def test_filters_have_to_be_true_together(stars):
    assert names(stars, "mag:lt:10", "name:contains:m", "g:gt:0.15") == ["m33"]


def test_the_rows_that_match_are_counted(stars):
    found = page(stars, filters=[Filter("mag", "lt", ("10",))], limit=1)

    assert (found.total, found.matching) == (6, 4)


@pytest.mark.parametrize(
    "hostile",
    [
        "O'Hara; DROP TABLE x --",
        "' OR '1'='1",
        '"; DROP TABLE x; --',
        "getvariable('path')",
        "$1",
        "\\'; COPY (SELECT 1) TO '/tmp/x'",
        "\0",
        "\u202e\U0001f4a9",
        "%_%",
        "NaN",
        "/*",
    ],
)
@pytest.mark.parametrize("operator", ["eq", "contains", "starts", "lt", "in"])
def test_a_hostile_value_is_a_value_and_nothing_else(stars, operator, hostile):
    values = (hostile,)
    expected = {
        "eq": lambda name: name == hostile,
        "in": lambda name: name == hostile,
        "contains": lambda name: hostile.lower() in name.lower(),
        "starts": lambda name: name.lower().startswith(hostile.lower()),
        "lt": lambda name: name.encode() < hostile.encode(),
    }[operator]

    found = page(stars, filters=[Filter("name", operator, values)]).table.read_all()

    assert found["name"].to_pylist() == [n for n in NAMES if n is not None and expected(n)]


@given(text=st.text(max_size=50))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_may_be_looked_for(stars, text):
    found = page(stars, filters=[Filter("name", "eq", (text,))]).table.read_all()

    assert found["name"].to_pylist() == [name for name in NAMES if name == text]


@pytest.mark.parametrize(
    "value", ["", "nan", "NaN", "null", "1; DROP", "0x10", "1_000", "१२", "--"]
)
@pytest.mark.parametrize("column", ["mag", "n", "g"])
def test_what_is_no_number_is_refused(stars, column, value):
    said = refusal(stars, f"{column}:lt:{value}")

    assert said.startswith(f"filter: {column} is compared with a number, not {value!r}.")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("magnitude:lt:1", "filter: there is no column 'magnitude'. There are: name, mag, g, n, b"),
        ("mag:near:1", "filter: 'near' is no operator; write column:operator:value with one of eq"),
        (
            "mag:contains:1",
            "filter: mag holds number, of which contains cannot be asked. There are",
        ),
        ("bright:lt:true", "filter: bright holds true or false, of which lt cannot be asked."),
        ("bright:eq:maybe", "filter: bright is true or false, not 'maybe'."),
        ("mag", "filter: '' is no operator;"),
        ("", "filter: there is no column ''."),
        ("name:in:", "filter: in takes 1 to 1000 values, not 0."),
        ('name:in:"a', "filter: '\"a' is no list:"),
        ("name:in:a\nb", "filter: 'a\\nb' is no list:"),
        ("name:eq:" + "x" * 4001, "filter: the value is longer than 4000 characters."),
        ("mag:in:" + ",".join("1" * 1001), "filter: in takes 1 to 1000 values, not 1001."),
    ],
)
def test_a_filter_that_cannot_be_asked_is_refused_with_what_can(stars, asked, said):
    assert refusal(stars, asked).startswith(said)


def test_rows_come_sorted_with_what_is_missing_last_either_way(stars):
    up, down = names(stars, sort="mag"), names(stars, sort="-mag")

    assert up == ["M31", "m33", NAMES[4], "Änderung", None, "NGC 1"]
    assert down == [None, "Änderung", "m33", NAMES[4], "M31", "NGC 1"]


def test_a_further_column_decides_where_the_first_does_not(stars):
    assert names(stars, sort="bright,-n") == [
        "Änderung", None, NAMES[4], "m33", "M31", "NGC 1",
    ]  # fmt: skip


@pytest.mark.parametrize("sort", ["", "mag", "-mag", "bright,-mag", "-bright,name", "-g", "n"])
@pytest.mark.parametrize("limit", [1, 2, 4, 6])
def test_pages_together_are_the_whole_whatever_the_order(stars, sort, limit):
    order = order_from(sort, schema_of(stars))
    asked = {"sort": order, "filters": [Filter("n", "not_null")]}

    pages = walked(stars, limit, **asked)

    whole = rows(stars, **asked).read_all()
    assert pa.concat_tables(pages).to_pylist() == whole.to_pylist()
    assert whole.num_rows == 5
    assert [table.num_rows for table in pages[:-1]] == [limit] * (len(pages) - 1)


@pytest.mark.parametrize("text", ["nothing", "-", "mag;DROP"])
def test_a_column_that_is_not_there_cannot_be_sorted_by(stars, text):
    assert refusal(stars, sort=text).startswith("sort: there is no column ")


def test_a_cursor_of_another_question_is_refused(stars):
    cursor = page(stars, limit=1).cursor

    assert refusal(stars, sort="mag", cursor=cursor) == reading._STALE


def test_a_cursor_of_a_table_that_has_changed_is_refused(stars, job_id):
    cursor = page(stars, limit=1).cursor
    changed = store(job_id, "merged", TableStream.of(pa.table({"name": NAMES})))

    assert refusal(changed, cursor=cursor) == reading._STALE


@pytest.mark.parametrize("cursor", ["?", "e30", "WzFd", "WyJhIiwxLDJd", "AAAA", "é"])
def test_a_forged_cursor_is_refused(stars, cursor):
    assert refusal(stars, cursor=cursor).startswith("cursor: ")


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_a_page_has_a_bounded_size(stars, limit):
    assert refusal(stars, limit=limit).startswith("limit: a page has 1 to 10000 rows")


def test_so_many_conditions_and_no_more(stars):
    many = ["mag:lt:100"] * 32

    assert len(names(stars, *many)) == 5
    assert refusal(stars, *many, "mag:lt:1") == "filter: give at most 32."


def test_a_table_without_rows_has_columns_and_one_empty_page(folder, job_id):
    empty = store(job_id, "empty", TableStream.of([], pa.schema([("name", pa.string())])))

    found = page(empty, filters=[Filter("name", "eq", ("x",))], sort=[Order("name")])

    assert found.table.read_all().schema.names == ["name"]
    assert (found.total, found.matching, found.cursor) == (0, 0, None)
    assert rows(empty).read_all().num_rows == 0


def test_many_row_groups_stay_in_order(folder, job_id):
    number = pa.array(range(300_000))
    wide = pa.table({"name": pa.array([f"{n:060}" for n in range(300_000)]), "n": number})
    stored = store(job_id, "wide", TableStream.of(wide))

    whole = rows(stored, filters=[Filter("n", "ge", ("1000",))])
    far = page(stored, sort=[Order("n", descending=True)], limit=3)

    assert whole.read_all()["n"].to_pylist() == list(range(1000, 300_000))
    assert far.table.read_all()["n"].to_pylist() == [299_999, 299_998, 299_997]


def test_names_of_columns_may_be_anything(folder, job_id):
    odd = {'a"b; DROP': [1], "file_row_number": [2], "x:lt": [3], "": [4], "SELECT": [5]}
    stored = store(job_id, "odd", TableStream.of(pa.table(odd)))
    schema = schema_of(stored)

    found = page(
        stored,
        filters=[filter_from("x:lt:lt:4", schema), filter_from('a"b; DROP:eq:1', schema)],
        sort=order_from('-a"b; DROP,select', schema),
    ).table.read_all()

    assert found.to_pylist() == [
        {'a"b; DROP': 1, "file_row_number_2": 2, "x:lt": 3, "col_5": 4, "SELECT": 5}
    ]


def test_nan_is_missing_as_it_is_shown(folder, job_id):
    table = pa.table({"x": [1.0, math.nan, math.inf, None]})
    stored = store(job_id, "x", TableStream.of(table))

    down = page(stored, sort=[Order("x", descending=True)]).table.read_all()["x"].to_pylist()

    assert down == [math.inf, 1.0, None, None]


def test_an_overflow_is_remembered(folder, job_id):
    table = pa.table({"x": [1]})
    cut = TableStream(table.schema, table.to_batches(), overflowed=lambda: True)

    stored = store(job_id, "x", cut)

    whole = rows(stored)
    assert whole.read_all()["x"].to_pylist() == [1]
    assert whole.overflow


def test_no_more_bytes_than_allowed_are_stored(folder, job_id, settings):
    settings.RESULT_BYTES = 10_000
    many = pa.table({"x": pa.array(range(100_000))})

    with pytest.raises(TooLarge):
        store(job_id, "x", TableStream.of(many))

    assert [path for path in folder.rglob("*") if path.is_file()] == []
