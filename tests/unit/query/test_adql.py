"""ADQL says what was meant, whatever the values are."""

import math

import pytest
import sqlglot
from hypothesis import assume, example, given
from hypothesis import strategies as st
from sqlglot import exp
from sqlglot.tokens import TokenType

from esap.errors import InvalidRequest
from query.adql import (
    Compare,
    Cone,
    Contains,
    InCone,
    OneOf,
    Select,
    column_name,
    literal,
    table_name,
)

NASTY = "'\"\\;-/*%_()[]{}$`#\x00\n\r\u2019 OR1=SELECT"
texts = st.text() | st.text(alphabet=NASTY)


def test_a_search_is_written_as_the_standard_has_it():
    search = Select(
        "ivoa.obscore",
        (
            InCone("s_ra", "s_dec", Cone(56.75, 24.12, 1)),
            Compare("obs_collection", "=", "apertif-dr1"),
            Compare("calib_level", ">=", 2),
            Compare("t_min", "!=", 59000.5),
            OneOf("dataproduct_type", ("image", "cube")),
            Contains("target_name", "Crab"),
        ),
        columns=("obs_id", "s_ra", "size"),
        top=100,
    )

    assert str(search) == (
        'SELECT TOP 100 obs_id, s_ra, "size" FROM ivoa.obscore '
        "WHERE 1 = CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 56.75, 24.12, 1.0)) "
        "AND obs_collection = 'apertif-dr1' AND calib_level >= 2 AND t_min != 59000.5 "
        "AND dataproduct_type IN ('image', 'cube') AND LOWER(target_name) LIKE '%crab%'"
    )


def test_a_search_without_conditions_asks_for_everything():
    assert str(Select("gaia.stars")) == "SELECT * FROM gaia.stars"


@pytest.mark.parametrize(
    ("given_name", "written"),
    [
        ("ivoa.obscore", "ivoa.obscore"),
        ("II/246/out", '"II/246/out"'),
        ('"J/A+A/1"', '"J/A+A/1"'),
        ('vizier."J/ApJ/700.1/t"', 'vizier."J/ApJ/700.1/t"'),
        ("tap_schema.columns", "tap_schema.columns"),
        ("a.b.c", "a.b.c"),
        ("mine.user", 'mine."user"'),
        ('we"ird', None),
        ("a.b.c.d", None),
        ("a..b", None),
        (".a", None),
        ("a.", None),
        ("", None),
        ('""', None),
        ("a\nb", None),
        ("a\\b", None),
        ("x" * 257, None),
    ],
)
def test_tables_are_named_as_the_archive_wants_them_or_refused(given_name, written):
    if written is None:
        with pytest.raises(InvalidRequest):
            table_name(given_name)
    else:
        assert table_name(given_name) == written


@pytest.mark.parametrize(
    ("given_name", "written"),
    [
        ("RAJ2000", "RAJ2000"),
        ("_RAJ2000", '"_RAJ2000"'),
        ("e_B-V", '"e_B-V"'),
        ("2MASS", '"2MASS"'),
        ("Date", '"Date"'),
        ('"size"', '"size"'),
        ("a.b", '"a.b"'),
        ('a"; DROP TABLE b; --', '"a""; DROP TABLE b; --"'),
        ("größe", '"größe"'),
    ],
)
def test_columns_are_delimited_only_where_they_must_be(given_name, written):
    assert column_name(given_name) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("O'Neill", "'O''Neill'"),
        ("", "''"),
        ("'; DROP TABLE x; --", "'''; DROP TABLE x; --'"),
        ("Čerenkov ★", "'Čerenkov ★'"),
        (True, "'true'"),
        (False, "'false'"),
        (-7, "-7"),
        (2**63 - 1, "9223372036854775807"),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
    ],
)
def test_values_are_written_as_literals(value, written):
    assert literal(value) == written


@pytest.mark.parametrize(
    "value",
    ["a\\b", "a\x00b", "a\nb", "\x7f", "\x85", "\u2028", "\ud800", math.nan, math.inf, 2**63],
)
def test_values_that_no_archive_should_see_are_refused(value):
    with pytest.raises(InvalidRequest):
        literal(value)


def test_a_search_for_one_of_nothing_is_refused():
    with pytest.raises(InvalidRequest, match="at least one value for obs_id"):
        str(Select("t", (OneOf("obs_id", ()),)))


def test_one_of_a_single_value_is_a_comparison():
    assert OneOf("obs_id", ("a",)).adql() == "obs_id = 'a'"


def test_a_negative_limit_is_refused():
    with pytest.raises(InvalidRequest, match="must be 0 rows or more"):
        str(Select("t", top=-1))


@pytest.mark.parametrize(
    ("ra", "dec", "radius"),
    [
        (-0.1, 0, 1),
        (360.1, 0, 1),
        (math.nan, 0, 1),
        (0, 90.1, 1),
        (0, math.nan, 1),
        (0, 0, 0),
        (0, 0, -1),
        (0, 0, 180.1),
        (0, 0, math.inf),
        (0, 0, math.nan),
    ],
)
def test_a_cone_off_the_sky_is_refused(ra, dec, radius):
    with pytest.raises(InvalidRequest):
        Cone(ra, dec, radius)


# sqlglot is the independent judge of what a query says.


def shape(query):
    """The kinds of the nodes of a query's tree, without names and values."""
    return [type(node) for node in sqlglot.parse_one(query, read="postgres").walk()]


def strings(query):
    tokens = sqlglot.tokenize(query, read="postgres")
    return [token.text for token in tokens if token.token_type == TokenType.STRING]


@given(texts)
@example("' OR '1'='1")
@example("x'); DELETE FROM t; --")
@example("/*")
def test_no_text_leaves_its_literal(value):
    plain = str(Select("t", (Compare("a", "=", "x"), Compare("b", "=", 1))))

    try:
        query = str(Select("t", (Compare("a", "=", value), Compare("b", "=", 1))))
    except InvalidRequest:
        return

    assert strings(query) == [value]
    assert shape(query) == shape(plain)


@given(texts)
def test_no_text_leaves_its_pattern(value):
    plain = str(Select("t", (Contains("a", "x"), Compare("b", "=", 1))))

    try:
        query = str(Select("t", (Contains("a", value), Compare("b", "=", 1))))
    except InvalidRequest:
        return

    assert strings(query) == [f"%{value.lower()}%"]
    assert shape(query) == shape(plain)


@given(st.lists(texts, min_size=2, max_size=5))
def test_no_text_leaves_its_list(values):
    try:
        query = str(Select("t", (OneOf("a", tuple(values)),)))
    except InvalidRequest:
        return

    assert strings(query) == values


@given(texts)
@example('a" FROM secrets --')
def test_no_name_leaves_its_identifier(name):
    assume(not name.startswith('"'))
    plain = str(Select("t", (Compare("x", "=", 1),), columns=("x",)))

    try:
        query = str(Select("t", (Compare(name, "=", 1),), columns=(name,)))
    except InvalidRequest:
        return

    assert shape(query) == shape(plain)
    columns = sqlglot.parse_one(query, read="postgres").find_all(exp.Column)
    assert [column.name for column in columns] == [name, name]


@given(texts)
def test_no_name_leaves_its_table(name):
    try:
        query = str(Select(name, (Compare("x", "=", 1),)))
    except InvalidRequest:
        return

    tree = sqlglot.parse_one(query, read="postgres")
    assert len(list(tree.find_all(exp.Table))) == 1
    assert [type(node) for node in tree.args["where"].walk()] == [
        exp.Where,
        exp.EQ,
        exp.Column,
        exp.Literal,
        exp.Identifier,
    ]


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back_as_they_were(number):
    written = sqlglot.parse_one(literal(number), read="postgres")

    sign = -1 if isinstance(written, exp.Neg) else 1
    digits = written.this if isinstance(written, exp.Neg) else written
    assert isinstance(digits, exp.Literal)
    assert not digits.is_string
    assert type(number)(digits.this) * sign == number
