"""A circle on the sky."""

from dataclasses import dataclass

from esap.errors import InvalidRequest

__all__ = ["Cone"]


@dataclass(frozen=True, slots=True)
class Cone:
    """All places at most `radius` degrees from a centre in ICRS degrees.

    Raises `InvalidRequest` for what is not on the sky; not-a-number and infinity are not.
    """

    ra: float
    dec: float
    radius: float

    def __post_init__(self) -> None:
        if not 0 <= self.ra <= 360:  # noqa: PLR2004 -- a full circle
            raise InvalidRequest(
                f"The right ascension must be from 0 to 360 degrees, not {self.ra}."
            )
        if not -90 <= self.dec <= 90:  # noqa: PLR2004 -- from pole to pole
            raise InvalidRequest(f"The declination must be from -90 to 90 degrees, not {self.dec}.")
        if not 0 < self.radius <= 180:  # noqa: PLR2004 -- the whole sky
            raise InvalidRequest(
                "The radius (fov) must be larger than 0 and at most 180 degrees, "
                f"not {self.radius}."
            )
