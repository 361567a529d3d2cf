"""A question to the archives, as the caller writes it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from django.conf import settings

from esap.errors import InvalidRequest
from esap.redaction import carries_token
from query import names
from query.adql import Cone
from query.backends.base import Place
from query.parameters import mappings_for
from query.positions import parse_position

__all__ = ["CONTROLS", "DEFAULT_LIMIT", "DEFAULT_RADIUS", "Question", "ask", "said_in"]

DEFAULT_LIMIT = 1_000
DEFAULT_RADIUS = 0.1
"""Degrees; about what one pointing of an optical instrument covers."""

CONTROLS = frozenset(
    {
        "target", "position", "ra", "dec", "fov", "level", "category", "institute", "collection",
        "archives", "datasets", "limit", "timeout", "mode", "adql",
    }
)  # fmt: skip
"""Keys of a search that are not simply conditions on a mapped column."""


_LONGEST = 2_000
_LONGEST_ADQL = 100_000
_MOST_NAMES = 1_000
_LONGEST_NAME = 64
_MOST_SHOWN, _SHOWN = 5, 40
# All but tab, line feed and carriage return, which ADQL may have.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Question:
    """What is looked for, where, and how much of it.

    `cone` is in ICRS degrees; `place` says what resolved a target's name. `criteria` are ESAP
    parameters still to be translated by each archive's mapping. `timeout` is in seconds, for each
    archive; `limit` is in rows, of each dataset.
    """

    cone: Cone | None = None
    place: Place | None = None
    target: str = ""
    criteria: Mapping[str, str] = field(default_factory=dict)
    collection: str = ""
    level: str = ""
    category: str = ""
    institute: str = ""
    archives: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    limit: int = DEFAULT_LIMIT
    timeout: float = 30.0
    mode: Literal["", "sync", "async"] = ""
    adql: str = ""


def ask(
    asked: Mapping[str, object], caller: object = None, *, longest: float | None = None
) -> Question:
    """Return the question that the keys of a caller's request make up.

    Keys are the published ESAP parameter names and our own (see docs/reference/searches.md); an
    empty value is as good as none. `longest` is the most seconds that `timeout` may be, if that is
    not what it may be in a request. Raises `InvalidRequest`, or `NotFound` for an unknown target
    where nothing else says what to look for.
    """
    given = said_in(asked)
    _refuse_tokens(given)
    _refuse_unknown(given, caller)
    adql = _text(given, "adql")
    target = _text(given, "target")
    cone = None if adql else _cone(given)
    place = None
    if target and cone is None and not adql:
        place = names.resolve(target, caller)
        cone = Cone(place.ra, place.dec, _radius(given))
    question = Question(
        cone=cone,
        place=place,
        # A target beside a position narrows the rows; alone, it was the position.
        target="" if place else target,
        criteria={key: _text(given, key) for key in sorted(given.keys() - CONTROLS)},
        collection=_text(given, "collection"),
        level=_text(given, "level"),
        category=_text(given, "category"),
        institute=_text(given, "institute"),
        archives=_slugs(given, "archives"),
        datasets=_slugs(given, "datasets"),
        limit=int(_number(given, "limit", DEFAULT_LIMIT, 1, settings.SEARCH_ROWS_MAX)),
        timeout=_number(
            given, "timeout", settings.SEARCH_TIMEOUT, 0.1, longest or settings.SEARCH_TIMEOUT_MAX
        ),
        mode=_mode(given),
        adql=adql,
    )
    _refuse_empty(question, given)
    return question


def said_in(asked: Mapping[str, object]) -> dict[str, object]:
    """Return the keys of a request that say something."""
    return {key: value for key, value in asked.items() if not _is_blank(value)}


def _is_blank(value: object) -> bool:
    if isinstance(value, str):
        return value.strip() in {"", "all"}
    return value is None or value == []


def _refuse_tokens(given: Mapping[str, object]) -> None:
    """Refuse what would be sent to archives and resolvers, which are to see no caller's token."""
    if carries_token(dict(given)):
        raise InvalidRequest(
            "There is a token in the question: leave it out, and revoke it. Send tokens in the "
            "header `Authorization: Bearer`, and nowhere else."
        )


def _refuse_unknown(given: Mapping[str, object], caller: object) -> None:
    mapped = {name for mapping in mappings_for(caller) for name in mapping.parameters}
    unknown = sorted(given.keys() - CONTROLS - mapped)
    if unknown:
        known = ", ".join(sorted(CONTROLS | mapped))
        shown = [name[:_SHOWN] for name in unknown[:_MOST_SHOWN]]
        raise InvalidRequest(
            f"{', '.join(shown)}: no such parameter. The parameters are: {known}.",
            errors={name: ["No such parameter."] for name in shown},
        )


def _refuse_empty(question: Question, given: Mapping[str, object]) -> None:
    if question.adql and len(question.archives) != 1:
        raise InvalidRequest(
            "adql: ADQL is written for one archive. Name it: "
            '{"archives": ["..."], "adql": "SELECT ..."}.'
        )
    if question.adql and given.keys() - {"adql", "archives", "limit", "timeout", "mode"}:
        raise InvalidRequest(
            "adql: ADQL says all there is to ask; leave out everything but archives, limit, "
            "timeout and mode."
        )
    if not (given.keys() - {"limit", "timeout", "mode", "archives"}):
        raise InvalidRequest(
            "Say what to look for: a target, a position (ra, dec, fov), a collection, or datasets."
        )


def _cone(given: Mapping[str, object]) -> Cone | None:
    if "position" in given:
        if "ra" in given or "dec" in given:
            raise InvalidRequest("position: give either position, or ra and dec, not both.")
        ra, dec = parse_position(_text(given, "position"))
    elif "ra" in given and "dec" in given:
        ra, dec = parse_position(_text(given, "ra"), _text(given, "dec"))
    elif "ra" in given or "dec" in given:
        missing = "dec" if "ra" in given else "ra"
        raise InvalidRequest(f"{missing}: a position needs both ra and dec.")
    elif "fov" in given and "target" not in given:
        raise InvalidRequest("fov: a radius needs a position (ra, dec) or a target.")
    else:
        return None
    return Cone(ra, dec, _radius(given))


def _radius(given: Mapping[str, object]) -> float:
    return _number(given, "fov", DEFAULT_RADIUS, 0.0, 180.0)


def _text(given: Mapping[str, object], key: str) -> str:
    value = given.get(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidRequest(f"{key}: give a text or a number.")
    text = str(value).strip()
    longest = _LONGEST_ADQL if key == "adql" else _LONGEST
    if len(text) > longest:
        raise InvalidRequest(f"{key}: the value is longer than {longest} characters.")
    if control := _CONTROL.search(text):
        # Databases and logs break on them, and no archive has them in a value.
        raise InvalidRequest(f"{key}: take the control character U+{ord(control[0]):04X} out.")
    return text


def _number(
    given: Mapping[str, object], key: str, default: float, least: float, most: float
) -> float:
    text = _text(given, key)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        raise InvalidRequest(f"{key}: {text[:40]!r} is not a number.") from None
    if not least <= number <= most:
        raise InvalidRequest(f"{key}: {number:g} is not between {least:g} and {most:g}.")
    return number


def _slugs(given: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = given.get(key, ())
    items: Iterable[object]
    if isinstance(value, str):
        items = value.replace(",", " ").split()
    elif isinstance(value, list | tuple):
        items = value
    else:
        raise InvalidRequest(f'{key}: give a list, such as ["{key[:-1]}_1", "{key[:-1]}_2"].')
    slugs = [item for item in items if isinstance(item, str)]
    if len(slugs) != len(list(items)):
        raise InvalidRequest(f"{key}: a list of ids is expected.")
    unique = tuple(dict.fromkeys(slugs))
    if len(slugs) > _MOST_NAMES or any(len(slug) > _LONGEST_NAME for slug in unique):
        raise InvalidRequest(
            f"{key}: give at most {_MOST_NAMES} ids, each of at most {_LONGEST_NAME} characters."
        )
    return unique


def _mode(given: Mapping[str, object]) -> Literal["", "sync", "async"]:
    match _text(given, "mode"):
        case "":
            return ""
        case "sync":
            return "sync"
        case "async":
            return "async"
        case other:
            raise InvalidRequest(f"mode: {other[:40]!r} is neither 'sync' nor 'async'.")
