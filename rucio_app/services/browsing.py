"""Looking around in a lake: what there is, and where it lies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from esap.clients.rucio_names import link_of
from esap.errors import InvalidRequest
from rucio_app.backends.base import DataLake, Facility
from rucio_app.backends.values import DidType, FileAt, Item, Listing
from rucio_app.services.access import as_reader

__all__ = [
    "MOST",
    "children",
    "dids",
    "distance",
    "element",
    "elements",
    "files_at",
    "item_of",
    "links_at",
    "one",
    "parents",
    "scopes",
    "tree",
]

MOST = 10_000
"""How many members of a list are read from a lake: it has no pages, and a scope has no end."""

_SEPARATOR = ":"


def item_of(scope: str, name: str) -> Item:
    """Return the DID with this scope and name; or with `scope:name` written as the name."""
    if not scope and _SEPARATOR in name:
        scope, _, name = name.partition(_SEPARATOR)
    if not scope or not name:
        raise InvalidRequest("Name the DID: scope and name, or name=scope:name.")
    if "/" in scope or name in (".", ".."):
        raise InvalidRequest(f"{scope}:{name} is no name of a DID.")
    return Item(scope, name)


def scopes(lake: DataLake, caller: Any) -> list[str]:
    """Return all scopes."""
    return as_reader(lake, caller, lake.scopes)


def dids(
    lake: DataLake,
    caller: Any,
    scope: str,
    *,
    name: str = "",
    kind: DidType = "all",
    metadata: Mapping[str, object] | None = None,
    top: bool = False,
) -> Listing:
    """Return the DIDs of a scope: those that fit, or those in no other.

    An unknown scope is refused, where Rucio would answer with nothing.
    """
    if not scope:
        raise InvalidRequest("scope: name one; they are listed under scopes/.")

    def ask(token: str) -> Listing:
        if top:
            return lake.top(scope, token, most=MOST)
        return lake.search(scope, token, name=name, kind=kind, metadata=metadata, most=MOST)

    found = as_reader(lake, caller, ask)
    if not found.members and scope not in scopes(lake, caller):
        raise InvalidRequest(f"scope: {lake.config.title} has no scope {scope!r}.")
    return found


def one(lake: DataLake, caller: Any, item: Item) -> dict[str, Any]:
    """Return a DID with its metadata."""
    did = as_reader(lake, caller, lambda token: lake.did(item, token))
    return {"did": did, "metadata": as_reader(lake, caller, lambda t: lake.metadata(item, t))}


def children(lake: DataLake, caller: Any, item: Item) -> Listing:
    """Return what is directly in a collection."""
    return _of(lake, caller, item, lambda token: lake.content(item, token, most=MOST))


def tree(lake: DataLake, caller: Any, item: Item) -> Listing:
    """Return all that is below a collection, each after what it is in."""
    return _of(lake, caller, item, lambda token: lake.tree(item, token, most=MOST))


def parents(lake: DataLake, caller: Any, item: Item) -> Listing:
    """Return the collections that a DID is directly in."""
    return _of(lake, caller, item, lambda token: lake.parents(item, token, most=MOST))


def files_at(
    lake: DataLake,
    caller: Any,
    item: Item,
    *,
    rse_expression: str = "",
    schemes: Sequence[str] = (),
    facility: Facility | None = None,
) -> Listing:
    """Return the files of a DID, with their replicas; each with its path at a facility.

    Raises `InvalidRequest` for schemes besides a facility: paths are those of the PFN that the
    element prefers.
    """
    if facility and schemes:
        raise InvalidRequest("Ask for schemes or for the paths at a facility, not for both.")

    def ask(token: str) -> Listing:
        return lake.replicas(
            [item], token, rse_expression=rse_expression, schemes=schemes, most=MOST
        )

    found = _of(lake, caller, item, ask)
    return Listing([with_paths(file, facility) for file in found.members], found.complete)


def with_paths(file: FileAt, facility: Facility | None) -> dict[str, Any]:
    """Return a file with each of its replicas: where, in which state, by which links and path."""
    return {
        "scope": file.scope,
        "name": file.name,
        "size": file.size,
        "adler32": file.adler32,
        "md5": file.md5,
        "replicas": [
            {
                "rse": rse,
                "state": state,
                "links": links_at(file, rse),
                "path": _path(file, rse, facility),
            }
            for rse, state in sorted(file.states.items())
        ],
    }


def elements(lake: DataLake, caller: Any, rse_expression: str = "") -> list[dict[str, Any]]:
    """Return the storage elements; those that an expression matches, if there is one."""
    found = as_reader(lake, caller, lake.elements)
    if rse_expression:
        wanted = as_reader(lake, caller, lambda token: lake.matching(rse_expression, token))
        found = [element for element in found if element["rse"] in wanted]
    return found


def element(lake: DataLake, caller: Any, rse: str) -> dict[str, Any]:
    """Return a storage element with its protocols, attributes, usage and limits."""
    return as_reader(lake, caller, lambda token: lake.element(rse, token))


def distance(lake: DataLake, caller: Any, source: str, target: str) -> int | None:
    """Return how far two storage elements are apart; None if nothing is copied that way."""
    return as_reader(lake, caller, lambda token: lake.distance(source, target, token))


def _of(lake: DataLake, caller: Any, item: Item, ask: Callable[[str], Listing]) -> Listing:
    """Ask about a DID; of nothing, make sure that there is such a DID at all."""
    found = as_reader(lake, caller, ask)
    if not found.members:
        as_reader(lake, caller, lambda token: lake.did(item, token))
    return found


def links_at(file: FileAt, rse: str) -> list[str]:
    """Return the links to a file at a storage element."""
    found = (link_of(pfn, file.name) for pfn in file.pfns.get(rse, ()))
    return [link for link in found if link]


def _path(file: FileAt, rse: str, facility: Facility | None) -> str:
    pfns = file.pfns.get(rse, ())
    return facility.path_of(pfns[0], file.name) if facility and pfns else ""
