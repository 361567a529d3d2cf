"""The entries in the shapes of the published gateway's lists."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from esap.backends.registry import fingerprint, stable_number
from esap.backends.visibility import Standing
from esap.errors import InvalidRequest, NotFound
from query.backends.base import (
    ArchiveConfig,
    Dataset,
    ParameterMapping,
    archives,
)
from query.parameters import mappings_for

__all__ = ["LOOKUPS", "Item", "find", "items", "select"]

LOOKUPS = ("in", "icontains")
"""What may follow a field's name after two underscores, besides nothing for equality."""


@dataclass(frozen=True, slots=True)
class Item:
    """One member of a list: how it is shown, by what it is found, and what else filters it."""

    pk: int
    slug: str
    shown: Mapping[str, Any]
    also: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return a field as filters and orderings compare it; None if it is not a plain value."""
        value = self.shown.get(name, self.also.get(name))
        return str(value) if isinstance(value, str | int) else None


def items(listing: str, base: str, caller: object = None) -> tuple[Item, ...]:
    """Return all of a list that a caller may see, in its published order.

    `base` is the absolute address of the query room, which hyperlinks begin with. The shapes are
    made once for each set of entries, and for each set of callers who see the same.
    """
    return _items(listing, base, archives.standing_of(caller), fingerprint())


def find(listing: str, base: str, key: str, caller: object = None) -> Mapping[str, Any]:
    """Return one member of a list by its integer id, or by its uri."""
    for item in items(listing, base, caller):
        if key in (item.slug, str(item.pk)):
            return item.shown
    raise NotFound(f"There is no {key!r} here. {base}{listing}/ lists what there is.")


def select(among: Iterable[Item], asked: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return what passes the filters asked for, in the order asked for.

    A filter is `name`, `name__in` (comma-separated) or `name__icontains`, as django-filter writes
    them; as there, an empty one and one whose name is not a field are passed over.
    """
    chosen = list(among)
    names = _fields(chosen) if asked else set()
    for key, wanted in asked.items():
        test = _test(key, wanted, names)
        if test:
            chosen = [item for item in chosen if test(item)]
    for term in reversed(asked.get("ordering", "").split(",")):
        name = term.strip().removeprefix("-")
        if name and name not in names:
            raise InvalidRequest(
                f"ordering: there is no field {name!r}. There are: {', '.join(sorted(names))}."
            )
        if name:
            descending = term.strip().startswith("-")
            chosen.sort(key=lambda item: _sort_key(item, name), reverse=descending)
    return [item.shown for item in chosen]


def _fields(among: Iterable[Item]) -> set[str]:
    return {
        name for item in among for name in (*item.shown, *item.also) if item.text(name) is not None
    }


def _test(key: str, wanted: str, names: set[str]) -> Callable[[Item], bool] | None:
    if not wanted:
        return None
    if key in names:
        return lambda item: item.text(key) == wanted
    name, _, lookup = key.rpartition("__")
    if name not in names:
        return None
    if lookup == "in":
        several = set(wanted.split(","))
        return lambda item: item.text(name) in several
    if lookup == "icontains":
        part = wanted.casefold()
        return lambda item: part in (item.text(name) or "").casefold()
    return None


def _sort_key(item: Item, name: str) -> tuple[bool, int, str]:
    value = item.shown.get(name, item.also.get(name))
    number = value if isinstance(value, int) else 0
    return (value is None, number, item.text(name) or "")


@lru_cache(maxsize=256)
def _items(listing: str, base: str, caller: Standing, _entries: str) -> tuple[Item, ...]:
    return tuple(_LISTS[listing](base, caller))


def _in_order(caller: Standing) -> list[ArchiveConfig]:
    visible = (archive.config for archive in archives.for_caller(caller))
    return sorted(visible, key=lambda config: config.order)


def _datasets(caller: Standing) -> Iterator[tuple[ArchiveConfig, Dataset]]:
    return ((config, dataset) for config in _in_order(caller) for dataset in config.datasets)


def _archive(config: ArchiveConfig, datasets: list[str]) -> dict[str, Any]:
    return {
        "id": config.pk,
        "uri": config.id,
        "name": config.title,
        "short_description": config.short_description,
        "long_description": config.description,
        "retrieval_description": config.retrieval_description,
        "thumbnail": config.thumbnail,
        "documentation_url": config.documentation_url,
        "instrument": config.instrument,
        "institute": config.institute,
        "datasets": datasets,
    }


def _archives(base: str, caller: Standing) -> Iterator[Item]:
    for config in _in_order(caller):
        links = [f"{base}datasets/{dataset.pk}/" for dataset in config.datasets]
        shown = _archive(config, links) | {"order": config.order, "visible": config.visible}
        yield Item(config.pk, config.id, shown)


def _archives_uri(_base: str, caller: Standing) -> Iterator[Item]:
    for config in _in_order(caller):
        if config.visible:
            uris = [dataset.id for dataset in config.datasets]
            yield Item(config.pk, config.id, _archive(config, uris))


def _dataset(config: ArchiveConfig, dataset: Dataset) -> dict[str, Any]:
    return {
        "uri": dataset.id,
        "name": dataset.name,
        "short_description": dataset.name,
        "long_description": dataset.description,
        "retrieval_description": dataset.retrieval_description,
        "thumbnail": dataset.thumbnail,
        "documentation_url": dataset.documentation_url or config.documentation_url,
        "institute": config.institute,
        "category": dataset.category,
        "level": dataset.level,
        "collection": dataset.collection,
        "resource_name": dataset.table,
        "output_format": "list",
        "service_connector": config.type,
    }


def _datasets_linked(base: str, caller: Standing) -> Iterator[Item]:
    for config, dataset in _datasets(caller):
        shown = _dataset(config, dataset) | {
            "url": f"{base}datasets/{dataset.pk}/",
            "select_fields": ",".join(dataset.columns) or "*",
            "title_field": dataset.title_field or None,
            "thumbnail_field": dataset.thumbnail_field or None,
            "url_field": dataset.url_field or None,
            "visibility": "archive",
            "dataset_catalog": f"{base}catalogs/{_catalog_pk(config)}/",
            "dataset_archive": f"{base}archives/{config.pk}/",
        }
        yield Item(dataset.pk, dataset.id, shown, _owners(config))


def _datasets_uri(_base: str, caller: Standing) -> Iterator[Item]:
    for config, dataset in _datasets(caller):
        shown = {"id": dataset.pk} | _dataset(config, dataset)
        shown |= {
            "archive_name_derived": config.title,
            "archive_uri_derived": config.id,
            "catalog_name_derived": config.catalog.name or config.title,
            "catalog_uri_derived": _catalog_uri(config),
            "catalog_url_derived": config.base_url,
            "catalog_user_url_derived": _user_url(config),
        }
        yield Item(dataset.pk, dataset.id, shown, _owners(config))


def _owners(config: ArchiveConfig) -> dict[str, str]:
    return {"dataset_archive__uri": config.id, "dataset_catalog__uri": _catalog_uri(config)}


def _catalogs(base: str, caller: Standing) -> Iterator[Item]:
    numbers = {mapping.id: mapping.pk for mapping in mappings_for(caller)}
    for config in _in_order(caller):
        catalog = config.catalog
        number = numbers.get(config.mapping)
        shown = {
            "id": _catalog_pk(config),
            "uri": _catalog_uri(config),
            "name": catalog.name or config.title,
            "short_description": config.short_description,
            "long_description": catalog.description or config.description,
            "retrieval_description": config.retrieval_description,
            "thumbnail": catalog.thumbnail or config.thumbnail,
            "url": config.base_url,
            "user_url": _user_url(config),
            "dataset": None,
            "parameters": f"{base}parameter-mapping/{number}/" if number else None,
        }
        yield Item(_catalog_pk(config), _catalog_uri(config), shown)


def _catalog_uri(config: ArchiveConfig) -> str:
    return config.catalog.id or config.id


def _catalog_pk(config: ArchiveConfig) -> int:
    return config.catalog.number or stable_number(_catalog_uri(config))


def _user_url(config: ArchiveConfig) -> str:
    return str(config.catalog.user_url) if config.catalog.user_url else config.documentation_url


def _parameter_mappings(base: str, caller: Standing) -> Iterator[Item]:
    for mapping in mappings_for(caller):
        shown = {
            "url": f"{base}parameter-mapping/{mapping.pk}/",
            "uri": mapping.id,
            "parameters": _columns(mapping),
        }
        yield Item(mapping.pk, mapping.id, shown)


def _columns(mapping: ParameterMapping) -> str:
    """Return the published view of a mapping: the column of each parameter, as JSON text."""
    rules = ((name, mapping.rule(name)) for name in mapping.parameters)
    columns = {name: rule.column for name, rule in rules if rule}
    return orjson.dumps(columns, option=orjson.OPT_INDENT_2).decode()


_LISTS: Mapping[str, Callable[[str, Standing], Iterator[Item]]] = {
    "archives": _archives,
    "archives-uri": _archives_uri,
    "datasets": _datasets_linked,
    "datasets-uri": _datasets_uri,
    "catalogs": _catalogs,
    "parameter-mapping": _parameter_mappings,
}
