"""Positions on the sky as people write them, as ICRS degrees."""

import math
import re
from typing import NamedTuple, NoReturn

from esap.errors import InvalidRequest

__all__ = ["Position", "parse_position"]

_EXAMPLES = (
    "83.633 22.014 (degrees), 05:34:31.9 +22:00:52 (hours and degrees), or l=184.56 b=-5.78 "
    "(galactic)"
)

_NUMBER = r"(?>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_ANGLE = re.compile(
    rf"""(?P<sign>[+-]?) \s* (?P<whole>{_NUMBER}) (?:e(?P<exponent>[+-]?[0-9]{{1,3}}))?
    (?:\s*(?P<unit>h|deg|d|°))?
    (?: (?P<apart>\s*:\s*|\s+)? (?P<minutes>{_NUMBER}) (?:\s*[m'])?
        (?: (?:\s*:\s*|\s+|(?<=[m'])) (?P<seconds>{_NUMBER}) (?:\s*(?:s|"|''))? )? )?""",
    re.VERBOSE,
)
_LABELLED = re.compile(
    r"(?P<first>ra|glon|l)\s*[=:]?\s*(?P<x>.+?)[,;\s]+(?P<second>dec|de|glat|b)\s*[=:]?\s*(?P<y>.+)"
)
_FRAMES = "icrs|fk5|j2000(?:\\.0)?|galactic|gal|fk4|b1950|ecliptic"
_FRAMED = re.compile(
    rf"(?P<before>{_FRAMES})[\s:,]+(?P<rest>.+)|(?P<rest2>.+?)[\s,(]+(?P<after>{_FRAMES})\)?"
)
_LOOKALIKES = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{MASCULINE ORDINAL INDICATOR}": "°",
        "\N{PRIME}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{DOUBLE PRIME}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    }
)

# Galactic to ICRS: the transpose of A_G' in "The Hipparcos and Tycho Catalogues" (ESA SP-1200,
# 1997), volume 1, equation 1.5.11.
_FROM_GALACTIC = (
    (-0.0548755604, +0.4941094279, -0.8676661490),
    (-0.8734370902, -0.4448296300, -0.1980763734),
    (-0.4838350155, +0.7469822445, +0.4559837762),
)


class Position(NamedTuple):
    """A place on the sky, in ICRS degrees: `ra` from 0 up to 360, `dec` from -90 to 90."""

    ra: float
    dec: float


def parse_position(first: str | float, second: str | float | None = None) -> Position:
    """Read a position: written in one text, or as right ascension and declination apart.

    Degrees, sexagesimal with the right ascension in hours, or (in one text) galactic coordinates;
    FK5 at J2000 is taken for ICRS, which it equals within 0.03 arcseconds. Raises `InvalidRequest`
    for others.
    """
    if second is None:
        return _parse(_plain(first), str(first))
    whole = f"{first}, {second}"
    return _position(_plain(first), _plain(second), whole)


def _parse(text: str, whole: str) -> Position:
    frame, plain = _frame(text)
    if labelled := _LABELLED.fullmatch(plain):
        if labelled["first"] in ("l", "glon"):
            frame = "galactic"
        halves = labelled["x"], labelled["y"]
    else:
        halves = _halves(plain) or _refuse(whole)
    if frame in ("fk4", "b1950", "ecliptic"):
        raise InvalidRequest(
            f"The position {whole!r} is in a frame that is not understood: give it in ICRS (J2000) "
            "or galactic coordinates."
        )
    if frame in ("galactic", "gal"):
        return _from_galactic(*halves, whole)
    return _position(*halves, whole)


def _plain(text: str | float) -> str:
    return str(text).translate(_LOOKALIKES).strip().lower()


def _frame(text: str) -> tuple[str, str]:
    framed = _FRAMED.fullmatch(text)
    if framed is None:
        return "icrs", text
    if framed["before"]:
        return framed["before"], framed["rest"]
    return framed["after"], framed["rest2"]


def _halves(text: str) -> tuple[str, str] | None:
    """Part a text into two angles: at a comma, before a sign, or in the middle."""
    if "," in text or ";" in text:
        first, *others = re.split(r"[,;]", text)
        return (first, others[0]) if len(others) == 1 else None
    if signed := re.fullmatch(r"(.+?)(?<!e)\s*([+-].+)", text):
        return signed[1], signed[2]
    words = text.split()
    middle = len(words) // 2
    if not words or len(words) % 2:
        return None
    return " ".join(words[:middle]), " ".join(words[middle:])


def _longitude(text: str, degrees_per_hour: int, whole: str) -> float:
    """Read a longitude; sexagesimal numbers without a unit are hours if an hour has degrees."""
    angle = _angle(text, whole)
    hours = angle["unit"] == "h" or (angle["unit"] is None and angle["minutes"] is not None)
    return _value(angle, whole) * (degrees_per_hour if hours else 1)


def _latitude(text: str, what: str, whole: str) -> float:
    angle = _angle(text, whole)
    if angle["unit"] == "h":
        _refuse(whole)
    degrees = _value(angle, whole)
    if abs(degrees) > 90:  # noqa: PLR2004 -- from pole to pole
        raise InvalidRequest(
            f"In {whole!r} the {what} is {degrees:g} degrees: it must be from -90 to 90. "
            f"Write a position like {_EXAMPLES}."
        )
    return degrees


def _angle(text: str, whole: str) -> re.Match[str]:
    angle = _ANGLE.fullmatch(text.strip())
    if angle is None or (angle["minutes"] and not (angle["apart"] or angle["unit"])):
        _refuse(whole)
    return angle


def _value(angle: re.Match[str], whole: str) -> float:
    if angle["minutes"] is None:
        size = float(f"{angle['whole']}e{angle['exponent'] or 0}")
    else:
        minutes, seconds = float(angle["minutes"]), float(angle["seconds"] or 0)
        # Programs that round write 60 seconds, so that much is taken.
        if minutes > 60 or seconds > 60:  # noqa: PLR2004
            raise InvalidRequest(f"In {whole!r} the minutes and seconds must be less than 60.")
        if angle["exponent"] or not float(angle["whole"]).is_integer():
            _refuse(whole)
        size = float(angle["whole"]) + minutes / 60 + seconds / 3600
    return -size if angle["sign"] == "-" else size


def _position(first: str, second: str, whole: str) -> Position:
    ra, dec = _longitude(first, 15, whole), _latitude(second, "declination", whole)
    if not 0 <= ra <= 360:  # noqa: PLR2004 -- a full circle
        raise InvalidRequest(
            f"In {whole!r} the right ascension is {ra:g} degrees: it must be from 0 to 360. "
            f"Write a position like {_EXAMPLES}."
        )
    return Position(ra % 360, dec)


def _from_galactic(first: str, second: str, whole: str) -> Position:
    longitude = _longitude(first, 1, whole)
    latitude = _latitude(second, "galactic latitude", whole)
    if not -180 <= longitude <= 360:  # noqa: PLR2004 -- both customs, from -180 and from 0
        raise InvalidRequest(
            f"In {whole!r} the galactic longitude is {longitude:g} degrees: it must be from 0 to "
            f"360. Write a position like {_EXAMPLES}."
        )
    angle, height = math.radians(longitude), math.radians(latitude)
    vector = (
        math.cos(height) * math.cos(angle),
        math.cos(height) * math.sin(angle),
        math.sin(height),
    )
    x, y, z = (
        sum(factor * part for factor, part in zip(row, vector, strict=True))
        for row in _FROM_GALACTIC
    )
    ra = math.degrees(math.atan2(y, x)) % 360
    # The remainder of a tiny negative number rounds to 360 itself.
    return Position(ra % 360, math.degrees(math.atan2(z, math.hypot(x, y))))


def _refuse(text: str) -> NoReturn:
    raise InvalidRequest(f"{text!r} is not a position. Write one like {_EXAMPLES}.")
