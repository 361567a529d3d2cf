"""What a staging would take, before anything is asked for."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esap.clients.rucio_names import cut_short, has_dot_steps
from esap.errors import InvalidRequest, NotFound, OverQuota, TooLarge
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import FileAt, Item
from rucio_app.services.access import as_user

__all__ = ["Estimate", "Room", "estimate", "refuse_impossible"]

MOST_FILES = 100_000
_MOST_NAMED = 5
_THERE = "AVAILABLE"


@dataclass(frozen=True, slots=True)
class Room:
    """A storage element that could be staged to; `free` is the caller's quota there, in bytes.

    `free` None is no limit.
    """

    rse: str
    free: int | None
    there: int

    def fits(self, size: int) -> bool:
        """Say whether what is still to come fits into the quota."""
        return self.free is None or size - self.there <= self.free


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How much a selection is, and where it fits; sizes in bytes. `types` has the DIDs' own."""

    account: str
    types: Mapping[Item, str]
    files: int
    size: int
    rooms: Sequence[Room]
    fits: int

    @property
    def to_copy(self) -> int:
        """How many bytes have to come to the element that has most of them."""
        return self.size - max((room.there for room in self.rooms), default=0)


def estimate(lake: DataLake, user: Any, items: Sequence[Item], rse_expression: str) -> Estimate:
    """Add up a selection, by one question about all its files.

    Raises `InvalidRequest` for an expression that matches nothing, `NotFound` for DIDs that there
    are not, `TooLarge` for too many files.
    """

    def ask(token: str) -> Estimate:
        account = lake.account(token)
        targets = lake.matching(rse_expression, token)
        found = lake.replicas(items, token, most=MOST_FILES)
        if not found.complete:
            raise TooLarge(
                f"These are more than {MOST_FILES} files. Stage them in smaller parts.",
                limit=MOST_FILES,
            )
        # Of a DID that there is not, and of one that is empty, no replicas are told.
        types = {item: did.type for item, did in lake.dids(items, token).items()}
        _refuse_unknown(lake, items, types)
        if not found.members:
            raise NotFound("There are no files in what was chosen.")
        files = {(file.scope, file.name): file for file in found.members}.values()
        _refuse_to_climb(files)
        _refuse_to_harm(lake, files, targets, token)
        quota = {usage.rse: usage.remaining for usage in lake.usage(account, token)}
        rooms = [
            Room(
                rse,
                quota.get(rse, 0),
                sum(file.size for file in files if file.states.get(rse) == _THERE),
            )
            for rse in targets
        ]
        size = sum(file.size for file in files)
        return Estimate(
            account=account,
            types=types,
            files=len(files),
            size=size,
            rooms=rooms,
            fits=sum(room.fits(size) for room in rooms),
        )

    return as_user(lake, user, ask)


def _refuse_to_climb(files: Iterable[FileAt]) -> None:
    """Refuse a file that would be written to the place of another, and removed there."""
    for file in files:
        if has_dot_steps(file.name):
            raise InvalidRequest(
                f"{file.scope}:{file.name} cannot be staged: at a storage, a name with a step '.' "
                "or '..' is the path of something else."
            )


def _refuse_to_harm(
    lake: DataLake, files: Iterable[FileAt], targets: Sequence[str], token: str
) -> None:
    """Refuse a file with whose end another would go; one tells of all, for each element."""
    file = next((each for each in files if cut_short(each.name) not in (each.name, "")), None)
    if file is None:
        return
    item = Item(file.scope, file.name)
    for rse in targets:
        if lake.removes_another(item, rse, token):
            raise InvalidRequest(
                f"{item} cannot be staged to {rse}: when it ends, {lake.config.title} would remove "
                f"{file.scope}:{cut_short(file.name)} there."
            )


def refuse_impossible(lake: DataLake, found: Estimate, rse_expression: str, copies: int) -> None:
    """Refuse what can never be staged, with what is missing."""
    if copies > len(found.rooms):
        raise InvalidRequest(
            f"copies: {rse_expression!r} matches {len(found.rooms)} storage elements at "
            f"{lake.config.title}, too few for {copies} copies."
        )
    if found.fits < copies:
        best = max(found.rooms, key=lambda room: room.free or 0)
        raise OverQuota(
            f"These are {found.size} bytes, of which {best.there} are at {best.rse} already, and "
            f"your account {found.account} may put {best.free} more there. Choose less or another "
            f"place, or ask the operators of {lake.config.title} for more.",
            peer=lake.config.id,
            size=found.size,
            free=best.free,
        )


def _refuse_unknown(lake: DataLake, items: Sequence[Item], known: Container[Item]) -> None:
    unknown = [str(item) for item in items if item not in known]
    if unknown:
        named = ", ".join(unknown[:_MOST_NAMED])
        more = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        raise NotFound(f"{lake.config.title} does not know {named}{more}. Leave out what is gone.")
