"""Start-up checks of what one entry of this room says about another."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error, register

from esap.backends.entries import Entry, EntryProblem
from esap.backends.registry import entries, stable_number
from query.forms import MULTIPLE, REGISTRY

__all__ = ["check_references"]

Place = tuple[str | int, ...]


@register()
def check_references(**_: Any) -> list[CheckMessage]:
    """Say which entries name something that is not there, or share an id that must be one's own."""
    problems = [*_dangling(), *_mappings_too_small(), *_shared_ids(), *_reserved_names()]
    return [
        Error(
            f"{problem.where}: {problem.message}",
            hint=problem.mend or None,
            id="query.E001",
        )
        for problem in problems
    ]


def _written(section: str) -> list[Entry]:
    return entries().sections.get(("query", section), [])


def _datasets(entry: Entry) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    """Yield the datasets of an entry as written; what is no dataset at all is told elsewhere."""
    datasets = entry.values.get("datasets")
    for number, dataset in enumerate(datasets if isinstance(datasets, list) else ()):
        if isinstance(dataset, dict):
            yield ("datasets", number), dataset


def _catalog(entry: Entry) -> Mapping[str, Any]:
    catalog = entry.values.get("catalog")
    return {"id": entry.id, **(catalog if isinstance(catalog, dict) else {})}


def _mapping_names() -> Iterator[tuple[Entry, Place, str]]:
    for entry in _written("archives"):
        for place, holder in [((), entry.values), *_datasets(entry)]:
            if holder.get("mapping"):
                yield entry, (*place, "mapping"), str(holder["mapping"])


def _dangling() -> Iterator[EntryProblem]:
    known = sorted(entry.id for entry in _written("mappings"))
    for entry, place, name in _mapping_names():
        if name not in known:
            yield entry.problem(
                place, f"there is no mapping {name!r}.", f"There are: {', '.join(known)}."
            )


def _mappings_too_small() -> Iterator[EntryProblem]:
    """A dataset that is one collection of a table needs to know the column that says so."""
    known = {entry.id: entry.values.get("parameters") or {} for entry in _written("mappings")}
    for entry in _written("archives"):
        for place, dataset in _datasets(entry):
            name = dataset.get("mapping") or entry.values.get("mapping")
            if not name:
                yield entry.problem(
                    place,
                    f"the dataset {dataset.get('id')!r} has no mapping.",
                    "Add 'mapping:' to it or to its archive, such as 'mapping: obscore'.",
                )
            elif dataset.get("collection") and "collection" not in known.get(name, {"collection"}):
                yield entry.problem(
                    (*place, "collection"),
                    f"the mapping {name!r} does not say which column is the collection.",
                    "Add 'collection:' to the mapping, or leave it out here.",
                )


def _shared_ids() -> Iterator[EntryProblem]:
    archives, mappings = _written("archives"), _written("mappings")
    datasets = [
        (entry, place, dataset) for entry in archives for place, dataset in _datasets(entry)
    ]
    catalogs = [(entry, ("catalog",), _catalog(entry)) for entry in archives]
    yield from _shared("archive", [(entry, (), entry.values) for entry in archives])
    yield from _shared("mapping", [(entry, (), entry.values) for entry in mappings])
    yield from _shared("dataset", datasets)
    yield from _shared("catalog", catalogs)


def _shared(
    what: str, holders: Iterable[tuple[Entry, Place, Mapping[str, Any]]]
) -> Iterator[EntryProblem]:
    """Ids are addresses, and so are numbers; those not given follow from the ids."""
    for key in ("id", "number"):
        first: dict[object, Entry] = {}
        for entry, place, holder in holders:
            value = holder.get(key) or stable_number(str(holder.get("id", "")))
            if value in first:
                owner = first[value]
                yield entry.problem(
                    (*place, key),
                    f"the {what} {key} {value!r} is already used by {owner.id!r} "
                    f"({owner.file}, line {owner.lines[()]}).",
                    "Choose another.",
                )
            first.setdefault(value, entry)


def _reserved_names() -> Iterator[EntryProblem]:
    """Forms are asked for by name, so an archive cannot be called as a menu is."""
    taken = {REGISTRY, MULTIPLE} | {entry.id for entry in _written("menus")}
    for entry in _written("archives"):
        if entry.id in taken:
            yield entry.problem(
                ("id",),
                f"{entry.id!r} is the name of another configuration.",
                "Give the archive another id.",
            )
