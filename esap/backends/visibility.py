"""Whom an entry is for: those who may not use it do not see it either."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from esap.errors import NotFound

__all__ = ["Restricted", "Standing", "Visible", "groups_of", "may_use", "plain_group"]

T = TypeVar("T")


def plain_group(name: str) -> str:
    """Return a group as it is compared: WLCG tokens write `/escape`, IAM's own `escape`."""
    return name.removeprefix("/")


def _group(name: str) -> str:
    plain = plain_group(name)
    if not plain.strip():
        raise PydanticCustomError("no_name", "a group has a name, such as escape/esap")
    return plain


def _at_least_one(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a list of no groups: it could be meant for everybody, or for nobody."""
    if not groups:
        raise PydanticCustomError(
            "no_groups", "name at least one group, or leave it out for everybody to use the entry"
        )
    return groups


class Restricted(BaseModel):
    """The part of an entry that says which groups may use it; if none are named, everybody may.

    A caller who is in one of them may.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    groups: Annotated[
        tuple[Annotated[str, AfterValidator(_group)], ...], AfterValidator(_at_least_one)
    ] = ()


def groups_of(caller: object) -> frozenset[str]:
    """Return the groups of whoever asks; none for None, and for those who have not logged in."""
    return frozenset(getattr(caller, "group_names", ()))


def may_use(entry: Restricted, caller: object) -> bool:
    """Whether an entry is for everybody, or for a group that the caller is in."""
    return not entry.groups or not groups_of(caller).isdisjoint(entry.groups)


@dataclass(frozen=True)
class Standing:
    """What of a caller counts among some entries: the groups that these entries name.

    Callers of one standing see the same. So it belongs into the key of whatever is kept, and can
    stand for the caller when that is made.
    """

    group_names: frozenset[str] = frozenset()


class Visible(Generic[T]):
    """The entries of a section that somebody may use; to them there are no others."""

    def __init__(self, section: str, ids: Iterable[str], member: Callable[[str], T]) -> None:
        self._section = section
        self._ids = dict.fromkeys(ids)
        self._member = member

    def __iter__(self) -> Iterator[T]:
        return map(self._member, self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, entry_id: object) -> bool:
        return entry_id in self._ids

    def ids(self) -> list[str]:
        """Return the ids, in the order of the entries."""
        return list(self._ids)

    def get(self, entry_id: str) -> T:
        """Return the one with this id; raise `NotFound`, which lists what is visible."""
        if entry_id not in self._ids:
            known = ", ".join(sorted(self._ids)) or "none"
            raise NotFound(
                f"There is no {entry_id!r} among the {self._section}. There are: {known}."
            )
        return self._member(entry_id)
