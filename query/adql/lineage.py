"""Which columns of which tables the columns of an answer come from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from esap.tables.columns import Column

__all__ = ["output_columns"]

Named = tuple[str, Column | None]
"""A column under the name it goes by; None if it is computed."""

_DISTANCE = Column("distance", "double", unit="deg", ucd="pos.angDistance")
_COUNT = Column("count", "long", ucd="meta.number")


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of a FROM clause; `*` does not show its `merged` columns again."""

    names: tuple[str, ...]
    columns: tuple[Named, ...]
    merged: frozenset[str] = frozenset()


def output_columns(
    tree: exp.Query, tables: Mapping[str, Iterable[Column]]
) -> tuple[Column | None, ...]:
    """Return what is known of each column of a query's answer, in order; None if it is computed.

    `tables` are by lower-case names.
    """
    known: dict[str, tuple[Named, ...]] = {
        name: tuple((column.name, column) for column in columns) for name, columns in tables.items()
    }
    withs = tree.args.get("with_")
    for query in withs.expressions if withs else []:
        known[query.alias.lower()] = _renamed(_columns(query.this, known), query)
    return tuple(column for _, column in _columns(tree, known))


def _columns(query: exp.Expr, tables: Mapping[str, tuple[Named, ...]]) -> tuple[Named, ...]:
    while not isinstance(query, exp.Select):
        query = query.this  # The first part of a UNION names the columns; parentheses do nothing.
    sources = list(_sources(query.args["from_"].this, tables))
    for join in query.args.get("joins") or []:
        sources += _joined(join, sources, tables)
    return tuple(named for item in query.expressions for named in _item(item, sources))


def _joined(
    join: exp.Join, before: list[_Source], tables: Mapping[str, tuple[Named, ...]]
) -> Iterator[_Source]:
    merged = {name.name.lower() for name in join.args.get("using") or []}
    for source in _sources(join.this, tables):
        if join.method == "NATURAL":
            merged |= {name.lower() for each in before for name, _ in each.columns}
        yield _Source(source.names, source.columns, source.merged | merged)


def _sources(item: exp.Expr, tables: Mapping[str, tuple[Named, ...]]) -> Iterator[_Source]:
    inner = item.this if isinstance(item, exp.Subquery) else item
    if isinstance(inner, exp.Table):
        name = ".".join(part.name for part in inner.parts).lower()
        alias = inner.alias.lower()
        names = (alias,) if alias else (name, name.rpartition(".")[2])
        found = [_Source(names, _renamed(tables.get(name, ()), inner))]
        for join in inner.args.get("joins") or []:
            found += _joined(join, found, tables)
        yield from found
    else:
        yield _Source((item.alias.lower(),), _renamed(_columns(inner, tables), item))


def _renamed(columns: tuple[Named, ...], source: exp.Expr) -> tuple[Named, ...]:
    """Return the columns under the names that an alias such as `AS t (a, b)` gives them."""
    names = source.alias_column_names
    return (
        *((name, column) for name, (_, column) in zip(names, columns, strict=False)),
        *columns[len(names) :],
    )


def _item(item: exp.Expr, sources: list[_Source]) -> Iterator[Named]:
    """Yield the columns that an item of a SELECT list stands for."""
    if isinstance(item, exp.Star):
        for source in sources:
            yield from (each for each in source.columns if each[0].lower() not in source.merged)
    elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
        yield from next((each.columns for each in _named(item, sources)), ())
    else:
        yield item.alias_or_name, _origin(item.unalias(), sources)


def _origin(value: exp.Expr, sources: list[_Source]) -> Column | None:
    if isinstance(value, exp.Paren | exp.Max | exp.Min):
        return _origin(value.this, sources)  # Its unit and meaning are those of what is in it.
    if isinstance(value, exp.Count):
        return _COUNT
    if isinstance(value, exp.Anonymous) and value.name.upper() == "DISTANCE":
        return _DISTANCE
    if isinstance(value, exp.Column):
        for source in _named(value, sources):
            for name, column in source.columns:
                if name.lower() == value.name.lower():
                    return column
    return None


def _named(column: exp.Column, sources: list[_Source]) -> Iterator[_Source]:
    """Yield the sources that a column may be of: those it names, or all."""
    wanted = ".".join(part.name for part in column.parts[:-1]).lower()
    return (source for source in sources if not wanted or wanted in source.names)
