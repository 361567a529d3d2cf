"""ADQL's geometry as arithmetic on right ascension and declination.

It is that of ADQL 2.1, "Geometrical functions". A point is two expressions. A region is a circle,
or the common part of half-spheres: a polygon whose corners bulge outwards, or a box. What needs the
sphere is left to two functions of the database, whose definitions are here: the distance of two
points, and the side of a great circle that a point is on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from esap.errors import QueryRejected
from query.adql.vectors import Vector, add, cross, direction, dot, times

__all__ = [
    "FUNCTIONS",
    "SHAPES",
    "Circle",
    "HalfSpheres",
    "Point",
    "area",
    "distance",
    "inside",
    "number",
    "overlap",
    "shape",
]

# Vincenty's formula for the great circle, which is exact for small distances, large ones and those
# of antipodes alike; astropy uses it too.
FUNCTIONS = """
CREATE MACRO esap_distance(ra1, dec1, ra2, dec2) AS degrees(atan2(
    sqrt(pow(cos(radians(dec2)) * sin(radians(ra2 - ra1)), 2)
         + pow(cos(radians(dec1)) * sin(radians(dec2))
               - sin(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1)), 2)),
    sin(radians(dec1)) * sin(radians(dec2))
        + cos(radians(dec1)) * cos(radians(dec2)) * cos(radians(ra2 - ra1))));
CREATE MACRO esap_side(ra, dec, x, y, z) AS
    x * cos(radians(dec)) * cos(radians(ra)) + y * cos(radians(dec)) * sin(radians(ra))
    + z * sin(radians(dec));
"""

# Rounding may put a point on the edge of a circle this much outside its strip of declination.
_MARGIN = 1e-9
_TOLERANCE = 1e-12
_SYSTEMS = {"", "ICRS", "FK5", "UNKNOWNFRAME", "UNKNOWN"}


@dataclass(frozen=True)
class Point:
    """A place, by its coordinates in ICRS degrees."""

    ra: exp.Expr
    dec: exp.Expr


@dataclass(frozen=True)
class Circle:
    """The places at most `radius` degrees from a centre."""

    centre: Point
    radius: exp.Expr


@dataclass(frozen=True)
class HalfSpheres:
    """The places on the inner side of all these great circles, given by their inward normals.

    `south` and `north` are declinations that the region does not go beyond.
    """

    normals: tuple[Vector, ...]
    south: float
    north: float


Shape = Point | Circle | HalfSpheres


def shape(node: exp.Expr) -> Shape:
    """Return what a call of POINT, CIRCLE, BOX or POLYGON stands for."""
    if isinstance(node, exp.Paren):
        return shape(node.this)
    maker = SHAPES.get(node.name.upper()) if isinstance(node, exp.Anonymous) else None
    if maker is None:
        raise QueryRejected(
            f"{node.sql()!r} is not a geometry: write POINT, CIRCLE, BOX or POLYGON here."
        )
    return maker(_without_system(node.expressions), node)


def inside(point: Point, region: Circle | HalfSpheres) -> exp.Expr:
    """Return the condition that a point is inside a region, its edge included."""
    if isinstance(region, Circle):
        near = exp.LTE(this=distance(point, region.centre), expression=region.radius.copy())
        return exp.and_(_in_strip(point, region), near, copy=False)
    strip = _between(point.dec, _literal(region.south), _literal(region.north))
    sides = [
        exp.GTE(
            this=_call("esap_side", point.ra, point.dec, *map(_literal, normal)),
            expression=_literal(0),
        )
        for normal in region.normals
    ]
    return exp.and_(strip, *sides, copy=False)


def overlap(one: Circle, other: Circle, *, contained: bool) -> exp.Expr:
    """Return the condition that two circles meet, or that the first is inside the second."""
    away = distance(one.centre, other.centre)
    if contained:
        away = exp.Add(this=away, expression=one.radius.copy())
        return exp.LTE(this=away, expression=other.radius.copy())
    both = exp.Add(this=one.radius.copy(), expression=other.radius.copy())
    return exp.LTE(this=away, expression=both)


def distance(one: Point, other: Point) -> exp.Expr:
    """Return the distance of two points in degrees."""
    return _call("esap_distance", one.ra, one.dec, other.ra, other.dec)


def area(region: Shape) -> exp.Expr:
    """Return the area of a circle in square degrees."""
    if not isinstance(region, Circle):
        raise QueryRejected("AREA is known for a CIRCLE only.")
    cap = exp.Sub(this=_literal(1), expression=_call("cos", _call("radians", region.radius)))
    return exp.Mul(this=_literal(360 * 180 / math.pi), expression=exp.Paren(this=cap))


def number(node: exp.Expr) -> float | None:
    """Return the value of a number that is written out, or None for any other expression."""
    if isinstance(node, exp.Paren):
        return number(node.this)
    if isinstance(node, exp.Neg):
        value = number(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.this)
    return None


def _in_strip(point: Point, circle: Circle) -> exp.Expr:
    """Return the condition on the declination that every point of a circle fulfils.

    It is what makes a cone quick: Parquet knows the declinations of each group of rows.
    """
    dec, radius = number(circle.centre.dec), number(circle.radius)
    if dec is not None and radius is not None:
        return _between(
            point.dec, _literal(dec - radius - _MARGIN), _literal(dec + radius + _MARGIN)
        )
    reach = exp.Paren(this=exp.Add(this=circle.radius.copy(), expression=_literal(_MARGIN)))
    return _between(
        point.dec,
        exp.Sub(this=circle.centre.dec.copy(), expression=reach),
        exp.Add(this=circle.centre.dec.copy(), expression=reach.copy()),
    )


def _point(given: Sequence[exp.Expr], node: exp.Expr) -> Point:
    if len(given) != 2:  # noqa: PLR2004 -- right ascension and declination
        raise _wrong(node, "POINT(ra, dec)")
    return Point(*map(_operand, given))


def _circle(given: Sequence[exp.Expr], node: exp.Expr) -> Circle:
    centre, rest = _centre(given, node)
    if len(rest) != 1:
        raise _wrong(node, "CIRCLE(ra, dec, radius)")
    radius = number(rest[0])
    if radius is not None and not 0 <= radius <= 180:  # noqa: PLR2004 -- the whole sky
        raise QueryRejected(f"A radius is from 0 to 180 degrees, not {radius:g}.")
    return Circle(centre, _operand(rest[0]))


def _box(given: Sequence[exp.Expr], node: exp.Expr) -> HalfSpheres:
    """A cross of two arms, and the great circles that end them at right angles."""
    centre, rest = _centre(given, node)
    values = [number(each) for each in (centre.ra, centre.dec, *rest)]
    if len(values) != 4 or None in values:  # noqa: PLR2004 -- centre, width, height
        raise _wrong(node, "BOX(ra, dec, width, height) in numbers")
    ra, dec, width, height = (math.radians(value or 0.0) for value in values)
    if not (0 < width < math.pi and 0 < height < math.pi):
        raise QueryRejected("The width and height of a BOX are from 0 to 180 degrees.")
    middle = direction(ra, dec)
    east = (-math.sin(ra), math.cos(ra), 0.0)
    north = (-math.sin(dec) * math.cos(ra), -math.sin(dec) * math.sin(ra), math.cos(dec))
    normals = [
        add(times(math.sin(size / 2), middle), times(way * math.cos(size / 2), arm))
        for arm, size in ((east, width), (north, height))
        for way in (-1, 1)
    ]
    # No corner is farther from the centre than the arms are long together.
    return _region(normals, math.degrees(dec), math.degrees(width + height) / 2)


def _polygon(given: Sequence[exp.Expr], node: exp.Expr) -> HalfSpheres:
    if given and isinstance(given[0], exp.Anonymous):
        points = [_as_point(each) for each in given]
        given = [coordinate for point in points for coordinate in (point.ra, point.dec)]
    values = [number(each) for each in given]
    if len(values) < 6 or len(values) % 2 or None in values:  # noqa: PLR2004 -- three corners
        raise _wrong(node, "POLYGON(ra1, dec1, ra2, dec2, ra3, dec3, ...) in numbers")
    angles = [math.radians(value or 0.0) for value in values]
    corners = [direction(*pair) for pair in zip(angles[::2], angles[1::2], strict=True)]
    total = add(*corners)
    if math.hypot(*total) < _TOLERANCE:
        raise QueryRejected("The corners of a POLYGON must be within one half of the sky.")
    middle = times(1 / math.hypot(*total), total)
    normals = [cross(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]
    if dot(normals[0], middle) < 0:  # Its corners go round the other way.
        normals = [times(-1, normal) for normal in normals]
    if any(dot(normal, corner) < -_TOLERANCE for normal in normals for corner in corners):
        raise QueryRejected(
            "The corners of a POLYGON must be in order and all bulge outwards; part one that has "
            "a dent in two."
        )
    farthest = max(math.acos(max(-1.0, min(1.0, dot(middle, corner)))) for corner in corners)
    return _region(normals, math.degrees(math.asin(middle[2])), math.degrees(farthest))


def _region(normals: list[Vector], dec: float, reach: float) -> HalfSpheres:
    return HalfSpheres(tuple(normals), dec - reach - _MARGIN, dec + reach + _MARGIN)


SHAPES: dict[str, Callable[[Sequence[exp.Expr], exp.Expr], Shape]] = {
    "POINT": _point,
    "CIRCLE": _circle,
    "BOX": _box,
    "POLYGON": _polygon,
}


def _centre(given: Sequence[exp.Expr], node: exp.Expr) -> tuple[Point, Sequence[exp.Expr]]:
    """Return the centre, written as a point or as two coordinates, and what follows it."""
    if given and isinstance(given[0], exp.Anonymous):
        return _as_point(given[0]), given[1:]
    return _point(given[:2], node), given[2:]


def _as_point(node: exp.Expr) -> Point:
    found = shape(node)
    if not isinstance(found, Point):
        raise QueryRejected(f"{node.sql()!r} is not a POINT.")
    return found


def _without_system(given: Sequence[exp.Expr]) -> Sequence[exp.Expr]:
    """Leave out the coordinate system, which ADQL 2.0 puts first; it must be ICRS."""
    if not given or not given[0].is_string:
        return given
    words = given[0].name.upper().split()
    if words and words[0] not in _SYSTEMS:
        raise QueryRejected(f"Positions are in ICRS here, not in {given[0].name}.")
    return given[1:]


def _operand(node: exp.Expr) -> exp.Expr:
    return (
        node.copy() if isinstance(node, exp.Column | exp.Literal) else exp.Paren(this=node.copy())
    )


def _between(value: exp.Expr, low: exp.Expr, high: exp.Expr) -> exp.Expr:
    return exp.Between(this=value.copy(), low=low, high=high)


def _call(name: str, *given: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[each.copy() for each in given])


def _literal(value: float) -> exp.Expr:
    """Write a number with an exponent, by which DuckDB knows a double from a decimal."""
    digits = repr(abs(float(value)))
    written = exp.Literal.number(digits if "e" in digits else f"{digits}e0")
    return exp.Neg(this=written) if value < 0 else written


def _wrong(node: exp.Expr, form: str) -> QueryRejected:
    return QueryRejected(f"{node.sql()!r} cannot be read: write {form}.")
