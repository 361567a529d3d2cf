"""Where named objects are: the configured resolvers, one after another, and what they said before.

A name that carries its position (`2MASS J05343194+2200521`) is the last resort.
"""

import re
from hashlib import sha256

from django.core.cache import cache

from esap.backends.registry import fingerprint
from esap.backends.visibility import Visible
from esap.errors import BackendFailed, BackendUnavailable, InvalidRequest, NotFound
from query.backends.base import Place, Resolver, resolvers

__all__ = ["resolve"]

_KNOWN_SECONDS = 30 * 86_400
_UNKNOWN_SECONDS = 600
_LONGEST = 200
_UNKNOWN = "unknown"

# IAU designations: hours, minutes, seconds and degrees, minutes, seconds at J2000. Surveys leave
# out the decimal points (2MASS J05343194+2200521).
_COORDINATES = re.compile(
    r"J([0-2][0-9])([0-5][0-9])([0-5][0-9])\.?([0-9]*)"
    r"([+-])([0-9]{2})([0-5][0-9])([0-5][0-9])\.?([0-9]*)(?![0-9])"
)


def resolve(name: str, caller: object = None) -> Place:
    """Return the place of a named object, and who knew it, among those that the caller may ask.

    Raises `NotFound` if no resolver knows the name, and `BackendUnavailable` if those that could be
    asked do not know it and others could not be asked.
    """
    wanted = _clean(name)
    asked = resolvers.for_caller(caller)
    key = f"query.names.{fingerprint()}.{_digest(wanted, *asked.ids())}"
    kept = cache.get(key)
    if kept is None:
        kept = _ask(wanted, asked)
        cache.set(key, kept, _UNKNOWN_SECONDS if kept == _UNKNOWN else _KNOWN_SECONDS)
    if isinstance(kept, Place):
        return kept
    if place := _from_coordinates(wanted):
        return place
    raise NotFound(
        f"No resolver knows {wanted!r}. Check its spelling, or give a position instead "
        "(ra and dec in degrees)."
    )


def _digest(*texts: str) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()


def _ask(name: str, asked: Visible[Resolver]) -> Place | str:
    """Return what the resolvers know, or that all of them said that they know nothing."""
    silent: list[str] = []
    for resolver in asked:
        try:
            place = resolver.resolve(name)
        except BackendFailed as failure:
            silent.append(f"{resolver.config.title}: {failure.detail}")
            continue
        if place is not None:
            return place
    if not silent:
        return _UNKNOWN
    if place := _from_coordinates(name):
        return place
    raise BackendUnavailable(
        f"{name!r} is not known offline, and other resolvers of names cannot be asked now "
        f"({' '.join(silent)}) Give a position instead (ra and dec in degrees), or try again later."
    )


def _from_coordinates(name: str) -> Place | None:
    """Return the position that a designation carries, if it carries one."""
    found = _COORDINATES.search(name)
    if found is None:
        return None
    h, m, s, fraction, sign, degrees, minutes, seconds, part = found.groups()
    ra = 15 * (int(h) + int(m) / 60 + float(f"{s}.{fraction}") / 3600)
    dec = int(degrees) + int(minutes) / 60 + float(f"{seconds}.{part}") / 3600
    if ra >= 360 or dec > 90:  # noqa: PLR2004 -- the whole sky
        return None
    return Place(
        name,
        ra,
        -dec if sign == "-" else dec,
        resolver="name",
        detail="Taken from the coordinates in the name itself; no resolver was needed.",
    )


def _clean(name: str) -> str:
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > _LONGEST or not wanted.isprintable():
        raise InvalidRequest(
            f"Name an object in at most {_LONGEST} printable characters, such as M31."
        )
    return wanted
