"""What data lakes say, as values; sizes are in bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

__all__ = [
    "Did",
    "DidType",
    "Download",
    "FileAt",
    "Item",
    "Listing",
    "Node",
    "Rule",
    "RuleState",
    "Usage",
]

DidType = Literal["all", "collection", "dataset", "container", "file"]


@dataclass(frozen=True, slots=True)
class Item:
    """A data identifier: a scope and a name."""

    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """A file, a dataset (of files) or a container (of datasets and containers).

    `size` is in bytes; None where the lake does not know it without adding up.
    """

    scope: str
    name: str
    type: str
    size: int | None = None
    files: int | None = None
    adler32: str | None = None
    md5: str | None = None
    account: str | None = None
    open: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A DID in the tree below a collection; `level` is 1 for what is directly in it."""

    scope: str
    name: str
    type: str
    level: int
    within: Item


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAt:
    """A file, and where there are replicas of it: a state and PFNs for each storage element."""

    scope: str
    name: str
    size: int
    adler32: str | None
    md5: str | None
    states: Mapping[str, str]
    pfns: Mapping[str, Sequence[str]]


class RuleState(StrEnum):
    """The states of a replication rule."""

    REPLICATING = "REPLICATING"
    OK = "OK"
    STUCK = "STUCK"
    SUSPENDED = "SUSPENDED"
    WAITING_APPROVAL = "WAITING_APPROVAL"
    INJECT = "INJECT"

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of a rule."""
        return self is not RuleState.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a lake was asked to keep somewhere, and how far it is."""

    id: str
    scope: str
    name: str
    account: str
    state: RuleState
    rse_expression: str
    copies: int
    ok: int
    replicating: int
    stuck: int
    error: str | None
    comment: str
    activity: str | None
    created: datetime | None
    updated: datetime | None
    expires: datetime | None
    stuck_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an account has at a storage element, in bytes; `limit` None is no limit."""

    rse: str
    bytes: int
    files: int
    limit: int | None
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Listing:
    """Members of a list, in order, and whether these are all; if not, ask for fewer."""

    members: Sequence[Any] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is being read, or part of it; `content_range` says which (RFC 9110, 14.4)."""

    chunks: Iterator[bytes]
    size: int | None
    content_range: str
