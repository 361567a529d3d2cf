"""How large a query may be: what its text hides, a database finds out only by running out.

DuckDB neither stops the reading of a query at a deadline nor counts it as memory in use, and
`SELECT a.*, a.*` of `SELECT b.*, b.*` of ... doubles with every line.
"""

from collections.abc import Iterator, Mapping

from sqlglot import exp

from esap.errors import QueryRejected

__all__ = ["refuse_large"]

_MOST_COLUMNS = 1_000
_MOST_TABLES = 50
_MOST_VERTICES = 500


def refuse_large(tree: exp.Query, tables: Mapping[str, int]) -> None:
    """Raise `QueryRejected` if a part of the query has too many columns, tables or vertices.

    `tables` has the number of columns of each table, by its lower-case name.
    """
    if sum(1 for _ in tree.find_all(exp.Table)) > _MOST_TABLES:
        raise QueryRejected(f"A query can name at most {_MOST_TABLES} tables, each time counted.")
    for call in tree.find_all(exp.Anonymous):
        if call.name.upper() == "POLYGON" and len(call.expressions) > 2 * _MOST_VERTICES + 1:
            raise QueryRejected(f"A POLYGON can have at most {_MOST_VERTICES} vertices.")
    known = dict(tables)
    withs = tree.args.get("with_")
    for query in withs.expressions if withs else []:
        known[query.alias.lower()] = _width(query.this, known)
    # Also those in conditions and behind UNION, which are not part of how wide the answer is.
    for select in tree.find_all(exp.Select):
        _width(select, known)


def _width(query: exp.Expr, known: Mapping[str, int]) -> int:
    """Return how many columns a query has at most."""
    if isinstance(query, exp.SetOperation):
        return max(_width(query.this, known), _width(query.expression, known))
    if not isinstance(query, exp.Select):
        return _width(query.this, known)  # parentheses
    available = sum(_available(source, known) for source in _sources(query))
    width = sum(available if _is_star(item) else 1 for item in query.expressions)
    if max(width, available) > _MOST_COLUMNS:
        raise QueryRejected(f"No part of a query can have more than {_MOST_COLUMNS} columns.")
    return width


def _sources(query: exp.Expr) -> Iterator[exp.Expr]:
    yield query.args["from_"].this
    yield from (join.this for join in query.args.get("joins") or [])


def _available(source: exp.Expr, known: Mapping[str, int]) -> int:
    inner = source.this if isinstance(source, exp.Subquery) else source
    joined = sum(_available(join.this, known) for join in inner.args.get("joins") or [])
    if isinstance(inner, exp.Table):
        return joined + known.get(".".join(part.name for part in inner.parts).lower(), 0)
    return _width(inner, known)


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (
        isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
    )
