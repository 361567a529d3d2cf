"""ADQL as users write it, read into a syntax tree of which every node is known to be harmless.

sqlglot reads; it takes far more than ADQL, so what is not on the lists below is refused. The lists
are those of ADQL 2.1 (section 2 and the BNF of appendix A), with CROSS JOIN and CASE besides.
"""

from collections.abc import Iterator
from typing import Any

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokenizer_core import Token, TokenType

from esap.errors import QueryRejected

__all__ = ["parse"]

_LONGEST = 100_000
_MOST_WORDS = 20_000  # read in a quarter of a second, while which no deadline is heard
_DEEPEST = 100

GEOMETRY = {
    "POINT",
    "CIRCLE",
    "BOX",
    "POLYGON",
    "INTERSECTS",
    "DISTANCE",
    "COORD1",
    "COORD2",
    "AREA",
}

_CLAUSES: set[type[exp.Expr]] = {
    exp.Select, exp.From, exp.Table, exp.TableAlias, exp.Identifier, exp.Alias, exp.Column,
    exp.Star, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset,
    exp.Distinct, exp.Join, exp.Subquery, exp.With, exp.CTE, exp.Union, exp.Intersect, exp.Except,
    exp.Paren,
}  # fmt: skip
_OPERATORS: set[type[exp.Expr]] = {
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between,
    exp.In, exp.Like, exp.ILike, exp.Is, exp.Exists, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg,
    exp.DPipe, exp.Literal, exp.Null, exp.Case, exp.If,
}  # fmt: skip
_FUNCTIONS: set[type[exp.Expr]] = {
    exp.Abs, exp.Acos, exp.Asin, exp.Atan, exp.Atan2, exp.Avg, exp.Cast, exp.Ceil, exp.Coalesce,
    exp.Contains, exp.Cos, exp.Cot, exp.Count, exp.DataType, exp.DataTypeParam, exp.Degrees,
    exp.Exp, exp.Floor, exp.Log, exp.Lower, exp.Max, exp.Min, exp.Mod, exp.Pi, exp.Pow,
    exp.Radians, exp.Rand, exp.Round, exp.Sin, exp.Sqrt, exp.Sum, exp.Tan, exp.Trunc, exp.Upper,
}  # fmt: skip
_KNOWN = _CLAUSES | _OPERATORS | _FUNCTIONS

_TYPES = {
    exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT, exp.DType.FLOAT, exp.DType.DOUBLE,
    exp.DType.CHAR, exp.DType.VARCHAR, exp.DType.TIMESTAMP,
}  # fmt: skip

# Arguments that are neither nodes nor empty, and may be there.
_PLAIN = {
    "this", "alias", "quoted", "is_string", "side", "kind", "method", "distinct", "desc",
    "nulls_first", "big_int", "typed", "safe", "negate", "nested", "_type",
}  # fmt: skip
# Nodes that sqlglot gives more arguments than ADQL does.
_ONLY: dict[type[exp.Expr], set[str]] = {
    exp.Star: set(),
    exp.Max: {"this"},
    exp.Min: {"this"},
    exp.Contains: {"this", "expression"},
    exp.Limit: {"expression"},
    exp.Offset: {"expression"},
}
_JOINS = {"NATURAL", "INNER", "OUTER", "LEFT", "RIGHT", "FULL", "CROSS"}


class _Dialect(Postgres):
    """PostgreSQL's grammar with TOP."""

    class Tokenizer(Postgres.Tokenizer):
        KEYWORDS = {**Postgres.Tokenizer.KEYWORDS, "TOP": TokenType.TOP}


_DIALECT = _Dialect()


def parse(text: str) -> exp.Query:
    """Read one SELECT. Raises `QueryRejected`, with the place in the text where there is one."""
    if len(text) > _LONGEST:
        raise QueryRejected(f"The query is longer than {_LONGEST} characters.")
    try:
        tokens = _DIALECT.tokenize(text)
        if len(tokens) > _MOST_WORDS:
            raise QueryRejected(f"The query has more than {_MOST_WORDS} words and signs.")
        _refuse_other_statements(tokens)
        found = [tree for tree in _DIALECT.parser().parse(tokens, text) if tree]
        if len(found) != 1:
            raise QueryRejected("Give one query: a single SELECT.")
        for node in found[0].walk():
            _refuse_node(node)
    except TokenError as error:
        raise QueryRejected("The query cannot be read: a quote is not closed.") from error
    except ParseError as error:
        raise QueryRejected(_told(error)) from error
    except RecursionError as error:
        raise QueryRejected("The query is nested too deeply.") from error
    tree = found[0]
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise QueryRejected("Only SELECT can be asked.")
    return tree


def _refuse_other_statements(tokens: list[Token]) -> None:
    """Refuse what is no SELECT before it is parsed, and what is too deep for a recursive parser."""
    depth = deepest = 0
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise QueryRejected("The query is nested too deeply.")
    first = next((t.token_type for t in tokens if t.token_type != TokenType.L_PAREN), None)
    if first not in (TokenType.SELECT, TokenType.WITH):
        raise QueryRejected("Only SELECT can be asked: the query must begin with SELECT or WITH.")


def _refuse_node(node: exp.Expr) -> None:
    """Raise `QueryRejected` if a node, or an argument of it, is not on the lists."""
    kind = type(node)
    if kind is exp.Anonymous:
        if node.name.upper() not in GEOMETRY:
            raise _no_such_function(node.name)
    elif kind not in _KNOWN:
        if isinstance(node, exp.Func):
            raise _no_such_function(node.sql_name())
        raise _not_adql(node)
    for name, value in _arguments(node):
        if name not in _ONLY.get(kind, {name}):
            raise _not_adql(node)
        if not isinstance(value, exp.Expr):
            if name not in _PLAIN:
                raise _not_adql(node)
            _refuse_kind(node, name, value)
    _refuse_misplaced(node)


def _refuse_kind(node: exp.Expr, name: str, value: Any) -> None:
    if isinstance(node, exp.Join) and value not in _JOINS:
        raise QueryRejected(f"A {value} JOIN is not part of ADQL.")
    if isinstance(node, exp.DataType) and name == "this" and value not in _TYPES:
        raise QueryRejected(
            "CAST takes SMALLINT, INTEGER, BIGINT, REAL, DOUBLE PRECISION, CHAR, VARCHAR and "
            f"TIMESTAMP, not {_words(node)}."
        )
    if isinstance(node, exp.Select | exp.SetOperation) and name == "kind":
        raise _not_adql(node)


def _refuse_misplaced(node: exp.Expr) -> None:
    if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
        raise QueryRejected(f"{_words(node)!r} is not a table; only tables can stand in FROM.")
    if isinstance(node, exp.Select) and not (node.expressions and node.args.get("from_")):
        raise QueryRejected("A SELECT needs columns, and tables to take them FROM.")
    if isinstance(node, exp.With) and node.parent and node.parent.parent:
        raise QueryRejected("WITH may only stand at the beginning of the query.")
    if isinstance(node, exp.Limit | exp.Offset) and not node.expression.is_int:
        raise QueryRejected("TOP and OFFSET take a whole number.")


def _arguments(node: exp.Expr) -> Iterator[tuple[str, Any]]:
    """Yield the arguments of a node that are there, those of a list one by one."""
    for name, value in node.args.items():
        for each in value if isinstance(value, list) else [value]:
            if each:
                yield name, each


def _not_adql(node: exp.Expr) -> QueryRejected:
    return QueryRejected(f"{_words(node)!r} is not part of ADQL here.")


def _no_such_function(name: str) -> QueryRejected:
    return QueryRejected(
        f"There is no function {name.upper()} here; there are those of ADQL 2.1 except REGION, "
        "CENTROID, COORDSYS and IN_UNIT."
    )


def _words(node: exp.Expr) -> str:
    words = node.sql(dialect=_Dialect, comments=False)
    return words if len(words) <= 60 else f"{words[:57]}..."  # noqa: PLR2004 -- a short line


def _told(error: ParseError) -> str:
    first = error.errors[0] if error.errors else {}
    near = str(first.get("highlight") or "").strip()
    place = f"line {first.get('line')}, column {first.get('col')}"
    return (
        f"The query cannot be read at {place}, near {near!r}: something is missing or does not "
        "belong there."
    )
