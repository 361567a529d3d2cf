"""What UWS parameters mean: those of every job, and those of its kind.

Names are the same in upper and lower case (DALI 1.1, section 3.1).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone

from esap.api.negotiation import FORMATS
from esap.errors import InvalidRequest
from esap.jobs.kinds import JobKind, Pairs
from esap.jobs.models import Job

__all__ = [
    "Asked",
    "asked_in",
    "kept_of",
    "kind_in",
    "last",
    "moment",
    "own_words",
    "pairs_of",
    "peer_in",
    "response_format",
    "seconds",
    "still_to_come",
]

_MOST_SECONDS = 2**31 - 1
_LONGEST_NAME = 64
_NOT_KEPT = frozenset({"phase", "runid", "executionduration", "destruction"})
_NOT_THE_KINDS = frozenset({"kind", "peer", "responseformat", "format"})
_FORMATS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in FORMATS},
        **{media: name for name, kinds in FORMATS.items() for media in kinds},
        # As TAP services shorten them.
        "votable/td": "votable-td",
        "votable/b2": "votable",
        "votable/b": "votable",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A job to be made: what every job has, and the parameters that are kept, as they came."""

    kind: str
    pairs: Pairs
    run_id: str = ""
    peer: str = ""
    runs: bool = False
    execution_duration: int = 0
    destruction: datetime | None = None


def asked_in(pairs: Pairs) -> Asked:
    """Return what a creating request asks for; `InvalidRequest` if it can never be done.

    The kind is named by KIND, or by `type`, as it was in the published gateway.
    """
    kept = kept_of(pairs)
    response_format(kept)
    phase = last(pairs, "phase").upper()
    if phase not in {"", "RUN"}:
        raise InvalidRequest(f"PHASE: {phase[:40]!r}: a new job may only be told to RUN.")
    run_id = last(pairs, "runid")
    if len(run_id) > _LONGEST_NAME:
        raise InvalidRequest(f"RUNID: it is longer than {_LONGEST_NAME} characters.")
    duration, destruction = last(pairs, "executionduration"), last(pairs, "destruction")
    return Asked(
        kind=kind_in(pairs) or settings.UWS_KIND,
        pairs=kept,
        run_id=run_id,
        peer=peer_in(pairs),
        runs=phase == "RUN",
        execution_duration=seconds(duration) if duration else 0,
        destruction=still_to_come(destruction) if destruction else None,
    )


def kind_in(pairs: Pairs) -> str:
    """Return the kind that is named: by KIND, or else by `type`."""
    return last(pairs, "kind") or last(pairs, "type")


def peer_in(pairs: Pairs) -> str:
    """Return the peer that is named, if one is."""
    peer = last(pairs, "peer")
    if len(peer) > _LONGEST_NAME:
        raise InvalidRequest(f"PEER: it is longer than {_LONGEST_NAME} characters.")
    return peer


def kept_of(pairs: Pairs) -> list[tuple[str, str]]:
    """Return the parameters that are kept; the others are about the job, and said by it."""
    return [(name, text) for name, text in pairs if name.lower() not in _NOT_KEPT]


def own_words(kind: JobKind, pairs: Pairs, caller: Any) -> dict[str, object]:
    """Return the parameters of a kind, by its own names, out of those of a UWS job."""
    without = _NOT_THE_KINDS if last(pairs, "kind") else _NOT_THE_KINDS | {"type"}
    own = [(name, text) for name, text in pairs if name.lower() not in without]
    if kind.wording is not None:
        return dict(kind.wording.read(own, caller))
    fields = kind.parameters.model_fields if kind.parameters else {}
    known = {name.lower(): name for name in fields}
    plain = {name for name, field in fields.items() if field.annotation is str}
    found: dict[str, list[object]] = {}
    for given, text in own:
        name = known.get(given.lower(), given)
        found.setdefault(name, []).append(text if name in plain else _value(text))
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def pairs_of(job: Job) -> list[tuple[str, str]]:
    """Return the parameters of a job by UWS: as they came, or else those of its kind."""
    if job.uws_parameters is not None:
        return [(name, text) for name, text in job.uws_parameters]
    return [(name, _text(value)) for name, value in job.parameters.items()]


def last(pairs: Iterable[tuple[str, str]], name: str) -> str:
    """Return the text of a parameter, of several the last; nothing, if it is not there."""
    texts = [text.strip() for given, text in pairs if given.lower() == name]
    return texts[-1] if texts else ""


def response_format(pairs: Pairs) -> str:
    """Return the format that tables are wanted in: RESPONSEFORMAT, or FORMAT (TAP 1.1, 2.7.3)."""
    asked = last(pairs, "responseformat") or last(pairs, "format")
    if not asked:
        return "votable"
    wanted = re.sub(r"\s+", "", asked).lower()
    found = _FORMATS.get(wanted) or _FORMATS.get(wanted.partition(";")[0])
    if found is None:
        raise InvalidRequest(
            f"RESPONSEFORMAT: {asked[:40]!r} is not one of {', '.join(FORMATS)}, or their media "
            "types."
        )
    return found


def moment(text: str, name: str) -> datetime:
    """Return a time as DALI writes it (section 3.3.3); it is in UTC unless it says otherwise."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{name}: {text[:40]!r} is no time, such as 2026-11-22T12:00:00Z."
        ) from None


def still_to_come(text: str) -> datetime:
    """Return a destruction time that is still to come."""
    found = moment(text, "DESTRUCTION")
    if found <= timezone.now():
        raise InvalidRequest("DESTRUCTION: name a time that is still to come, or delete the job.")
    return found


def seconds(text: str) -> int:
    """Return an execution duration; 0 sets no limit."""
    if not (text.isascii() and text.isdecimal() and int(text) <= _MOST_SECONDS):
        raise InvalidRequest(
            f"EXECUTIONDURATION: {text[:40]!r} is no whole number of seconds from 0 to "
            f"{_MOST_SECONDS}."
        )
    return int(text)


def _value(text: str) -> object:
    """Return what a text stands for: lists and objects are written in JSON."""
    if text[:1] not in {"{", "["}:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(orjson.dumps(value, default=str), "utf-8")
