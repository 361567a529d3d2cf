"""What Rucio says, checked, and turned into the room's values."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from esap.clients.rucio import moment
from esap.errors import UnreadableAnswer
from rucio_app.backends.values import Did, FileAt, Item, Listing, Node, Rule, RuleState, Usage

__all__ = ["SaidDid", "SaidFile", "SaidNode", "SaidRule", "SaidUsage", "bounded", "read"]

M = TypeVar("M", bound=BaseModel)

Moment = Annotated[datetime | None, BeforeValidator(moment)]
# Sums come as 357120.0 from some databases.
Whole = Annotated[int | None, BeforeValidator(lambda said: None if said is None else int(said))]


class _Said(BaseModel):
    """An answer, of which more may come than is read here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SaidDid(_Said):
    """A DID, as the several lists of them tell."""

    scope: str
    name: str
    type: str | None = None
    did_type: str | None = None
    bytes: Whole = None
    length: Whole = None
    adler32: str | None = None
    md5: str | None = None
    account: str | None = None
    open: bool | None = None

    def value(self) -> Did:
        """Return it as a value of the room."""
        kind = (self.type or self.did_type or "").rpartition(".")[2].lower()
        return Did(
            scope=self.scope,
            name=self.name,
            type=kind,
            size=self.bytes,
            files=None if kind == "file" else self.length,
            adler32=self.adler32,
            md5=self.md5,
            account=self.account,
            open=self.open,
        )


class _SaidParent(_Said):
    """What a DID of a tree is in."""

    scope: str
    name: str


class SaidNode(_Said):
    """A DID of a tree."""

    scope: str
    name: str
    type: str
    level: int
    parent: _SaidParent

    def value(self) -> Node:
        """Return it as a value of the room."""
        return Node(
            scope=self.scope,
            name=self.name,
            type=self.type.lower(),
            level=self.level,
            within=Item(self.parent.scope, self.parent.name),
        )


class SaidFile(_Said):
    """A file with its replicas."""

    scope: str
    name: str
    bytes: Whole = None
    adler32: str | None = None
    md5: str | None = None
    states: dict[str, str] = {}
    rses: dict[str, list[str]] = {}

    def value(self) -> FileAt:
        """Return it as a value of the room."""
        return FileAt(
            scope=self.scope,
            name=self.name,
            size=self.bytes or 0,
            adler32=self.adler32,
            md5=self.md5,
            states=self.states,
            pfns=self.rses,
        )


class SaidRule(_Said):
    """A replication rule."""

    id: str
    scope: str
    name: str
    account: str
    state: RuleState
    rse_expression: str
    copies: int = 1
    locks_ok_cnt: int = 0
    locks_replicating_cnt: int = 0
    locks_stuck_cnt: int = 0
    error: str | None = None
    comments: str | None = None
    activity: str | None = None
    created_at: Moment = None
    updated_at: Moment = None
    expires_at: Moment = None
    stuck_at: Moment = None

    def value(self) -> Rule:
        """Return it as a value of the room.

        Rucio often leaves out since when a rule is stuck; it changed last when it became so.
        """
        return Rule(
            id=self.id,
            scope=self.scope,
            name=self.name,
            account=self.account,
            state=self.state,
            rse_expression=self.rse_expression,
            copies=self.copies,
            ok=self.locks_ok_cnt,
            replicating=self.locks_replicating_cnt,
            stuck=self.locks_stuck_cnt,
            error=self.error,
            comment=self.comments or "",
            activity=self.activity,
            created=self.created_at,
            updated=self.updated_at,
            expires=self.expires_at,
            stuck_since=(self.stuck_at or self.updated_at) if self.state == "STUCK" else None,
        )


class SaidUsage(_Said):
    """What an account has at a storage element."""

    rse: str
    bytes: int = 0
    files: int = 0
    bytes_limit: int | None = None
    bytes_remaining: int | None = None

    def value(self) -> Usage:
        """Return it as a value of the room."""
        return Usage(
            rse=self.rse,
            bytes=self.bytes,
            files=self.files,
            limit=self.bytes_limit,
            remaining=self.bytes_remaining,
        )


def read(shape: type[M], said: object, title: str) -> M:
    """Return an answer in the shape it should have, or raise `UnreadableAnswer`."""
    try:
        return shape.model_validate(said)
    except ValidationError as error:
        raise UnreadableAnswer(
            f"{title} answered something else than what was asked for. Tell its operators."
        ) from error


def bounded(
    lines: Iterator[Any], most: int, value: Callable[[Any], Any] = lambda line: line
) -> Listing:
    """Return at most so many lines of a stream, each as its value; the rest is not read.

    Lines are turned into values one by one: as they come, they take several times the memory.
    """
    if not isinstance(lines, Generator):
        raise TypeError("A stream is a generator: it has to be closed.")
    with closing(lines):
        members = [value(line) for line in islice(lines, most)]
        complete = next(lines, None) is None
    return Listing(members, complete)
