"""Vectors in space, for directions on the sky."""

import math

__all__ = ["Vector", "add", "cross", "direction", "dot", "times"]

Vector = tuple[float, float, float]


def direction(ra: float, dec: float) -> Vector:
    """Return the unit vector to a place, given in radians."""
    return (math.cos(dec) * math.cos(ra), math.cos(dec) * math.sin(ra), math.sin(dec))


def add(*vectors: Vector) -> Vector:
    """Return the sum of vectors."""
    x, y, z = (math.fsum(parts) for parts in zip(*vectors, strict=True))
    return (x, y, z)


def times(factor: float, vector: Vector) -> Vector:
    """Return a multiple of a vector."""
    x, y, z = vector
    return (factor * x, factor * y, factor * z)


def dot(a: Vector, b: Vector) -> float:
    """Return the scalar product."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def cross(a: Vector, b: Vector) -> Vector:
    """Return the vector product."""
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )
