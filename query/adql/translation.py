"""ADQL into the SQL of DuckDB, for tables that are known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from esap.errors import QueryRejected
from esap.tables.columns import Column
from query.adql import geometry
from query.adql.lineage import output_columns
from query.adql.parsing import parse
from query.adql.sizes import refuse_large

__all__ = ["Translated", "translate"]

Tables = Mapping[str, Iterable[Column]]


@dataclass(frozen=True, slots=True)
class Translated:
    """A query for DuckDB, and what is known of the columns of its answer, in order.

    `columns` is None where a column is computed, and empty if nothing is known.
    """

    sql: str
    columns: tuple[Column | None, ...]


def translate(text: str, tables: Tables, *, most: int) -> Translated:
    """Translate ADQL over these tables (by full names) into a query for at most `most` rows.

    Raises `QueryRejected`. What is returned names no table but these, and calls no function but
    those of ADQL and of `geometry.FUNCTIONS`; that a column exists is left to the database.
    """
    tree = parse(text)
    try:
        _refuse_unknown_tables(tree, tables)
        refuse_large(tree, {name.lower(): len(list(cols)) for name, cols in tables.items()})
        columns = output_columns(tree, {name.lower(): columns for name, columns in tables.items()})
        _translate_functions(tree)
        _limit(tree, most)
        return Translated(tree.sql(dialect="duckdb", comments=False), columns)
    except RecursionError as error:
        raise QueryRejected("The query is nested too deeply.") from error


def _refuse_unknown_tables(tree: exp.Query, tables: Iterable[str]) -> None:
    """Let every table be one of ours, or a query that WITH named before."""
    known = {tuple(name.lower().split(".")) for name in tables}
    withs = tree.args.get("with_")
    for query in [*(withs.expressions if withs else []), tree]:
        for table in query.find_all(exp.Table):
            if table.find_ancestor(exp.CTE) is not (None if query is tree else query):
                continue
            if tuple(part.name.lower() for part in table.parts) not in known:
                there_are = ", ".join(sorted(tables))
                raise QueryRejected(f"There is no table {_name(table)}; there are {there_are}.")
        known.add((query.alias.lower(),))


def _name(table: exp.Table) -> str:
    return ".".join(part.sql() for part in table.parts)


def _translate_functions(tree: exp.Query) -> None:
    """Rewrite what DuckDB calls otherwise or does not know, the innermost first."""
    conditions: dict[int, exp.Expr] = {}
    for node in reversed(list(tree.walk(bfs=True))):
        if isinstance(node, exp.Log) and node.expression is None:
            node.replace(exp.Ln(this=node.this))  # ADQL's LOG is the natural one.
        elif isinstance(node, exp.Rand):
            node.set("this", None)  # DuckDB's random() takes no seed; ADQL's is a hint.
        elif isinstance(node, exp.Contains) or _is_call(node, "INTERSECTS"):
            condition = _predicate(node)
            number = _as_number(condition)
            conditions[id(number)] = condition
            node.replace(number)
        elif isinstance(node, exp.EQ | exp.NEQ):
            _simplify(node, conditions)
        elif _is_call(node, "DISTANCE", "COORD1", "COORD2", "AREA"):
            node.replace(exp.Paren(this=_measure(node)))
    for node in tree.find_all(exp.Anonymous):
        if node.name.upper() in geometry.SHAPES:
            raise QueryRejected(
                f"{node.sql()!r} cannot stand by itself: use it in CONTAINS, INTERSECTS, DISTANCE, "
                "COORD1, COORD2 or AREA."
            )


def _predicate(node: exp.Expr) -> exp.Expr:
    """Return the condition that CONTAINS or INTERSECTS asks for."""
    contains = isinstance(node, exp.Contains)
    given = [node.this, node.expression] if contains else node.expressions
    if len(given) != 2:  # noqa: PLR2004 -- two shapes
        raise QueryRejected(f"{node.sql()!r} takes two geometries.")
    one, other = map(geometry.shape, given)
    if isinstance(other, geometry.Point) and not contains:
        one, other = other, one
    if isinstance(one, geometry.Point) and not isinstance(other, geometry.Point):
        return geometry.inside(one, other)
    if isinstance(one, geometry.Circle) and isinstance(other, geometry.Circle):
        return geometry.overlap(one, other, contained=contains)
    raise QueryRejected(
        f"{node.sql()!r} cannot be asked here: a POINT may be compared with a CIRCLE, BOX or "
        "POLYGON, and a CIRCLE with a CIRCLE."
    )


def _as_number(condition: exp.Expr) -> exp.Expr:
    """ADQL's predicates are numbers, 1 or 0."""
    return exp.Case(
        ifs=[exp.If(this=condition.copy(), true=exp.Literal.number(1))],
        default=exp.Literal.number(0),
    )


def _simplify(node: exp.EQ | exp.NEQ, conditions: Mapping[int, exp.Expr]) -> None:
    """Turn `1 = CONTAINS(...)` into the bare condition, which the database can hasten."""
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        condition, number = conditions.get(id(other)), geometry.number(one)
        if condition is not None and number in (0, 1):
            wanted = (number == 1) == isinstance(node, exp.EQ)
            bare = exp.Paren(this=condition)
            node.replace(bare if wanted else exp.Not(this=bare))
            return


def _measure(node: exp.Expr) -> exp.Expr:
    name, given = node.name.upper(), node.expressions
    if name == "AREA" and len(given) == 1:
        return geometry.area(geometry.shape(given[0]))
    if name == "DISTANCE" and len(given) == 4:  # noqa: PLR2004 -- two pairs of coordinates
        return geometry.distance(geometry.Point(*given[:2]), geometry.Point(*given[2:]))
    points = [geometry.shape(each) for each in given]
    if all(isinstance(point, geometry.Point) for point in points):
        match name, points:
            case "DISTANCE", [geometry.Point() as one, geometry.Point() as other]:
                return geometry.distance(one, other)
            case "COORD1", [geometry.Point() as one]:
                return one.ra
            case "COORD2", [geometry.Point() as one]:
                return one.dec
    raise QueryRejected(f"{node.sql()!r} cannot be read: {name} takes points.")


def _is_call(node: exp.Expr, *names: str) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.upper() in names


def _limit(tree: exp.Query, most: int) -> None:
    given = tree.args.get("limit")
    wanted = most if given is None else min(most, int(given.expression.name))
    tree.set("limit", exp.Limit(expression=exp.Literal.number(wanted)))
