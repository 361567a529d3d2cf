"""The configurations that the graphical interface asks for by name: menus and search forms.

A form is a JSON Schema as react-jsonschema-form draws it. The published interface reads
`query_schema.properties.catalog` of every archive's form, and sends the values as parameters of
`query/query/`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from esap.backends.visibility import Visible
from esap.errors import NotFound
from query.backends.base import Archive, ParameterMapping, archives
from query.menus import Menu, menus
from query.parameters import mapping_of
from query.registry_form import REGISTRY_FORM, REGISTRY_UI

__all__ = ["MULTIPLE", "REGISTRY", "configuration", "names"]

REGISTRY = "esap_ivoa"
MULTIPLE = "multiple_archives"

_VERSION = "ESAP-API version 12 aug 2021"

# The published interface chooses by this name how it reads a form. It has one way that sends any
# form's values for the archive in `catalog`, and this is what it is called.
_PARSER = "astron_vo"

_DEGREES = {
    "ra": {"type": "number", "title": "RA (degrees)"},
    "dec": {"type": "number", "title": "Dec (degrees)"},
    "fov": {"type": "number", "title": "Search radius (degrees)"},
}

# Product types are the terms of ObsCore 1.1, section 3.3.1; levels are those of section 3.3.2.
_PRODUCTS = (
    "image", "cube", "spectrum", "sed", "timeseries", "visibility", "event", "measurements",
)  # fmt: skip
# Of a Rucio, as the published form had them.
_ENTITIES = {"dids": "DIDs", "files": "Files", "replicas": "Replicas", "scopes": "Scopes"}
_CALIBRATION = {
    "0": "0: raw, as the instrument wrote it",
    "1": "1: raw, in a standard format",
    "2": "2: calibrated",
    "3": "3: combined or enhanced",
    "4": "4: derived by analysis",
}


def names(caller: object) -> list[str]:
    """Return every name there is a configuration for, as far as the caller may see it."""
    visible = archives.for_caller(caller)
    return [*menus.for_caller(caller).ids(), REGISTRY, MULTIPLE, *visible.ids()]


def configuration(name: str, caller: object, *, logo: str) -> dict[str, Any]:
    """Return the configuration of this name for a caller; `logo` is the address of ours.

    Raises `NotFound` for a name that is not one of `names()`.
    """
    menu = next((menu for menu in menus.for_caller(caller) if menu.id == name), None)
    visible = archives.for_caller(caller)
    if menu:
        found = _menu(menu, logo)
    elif name == REGISTRY:
        found = {"logo": logo, "query_schema": REGISTRY_FORM, "ui_schema": REGISTRY_UI}
    elif name == MULTIPLE:
        found = {"logo": logo} | _multiple_archives(visible)
    elif name in visible:
        found = {"logo": logo, "query_schema": _archive_form(visible.get(name))}
    else:
        known = ", ".join(names(caller))
        raise NotFound(f"There is no configuration {name!r}. There are: {known}.")
    return {"version": _VERSION} | found


def _menu(menu: Menu, logo: str) -> dict[str, Any]:
    pages = [item.model_dump() for item in menu.items]
    return {
        "frontend_basename": menu.frontend_basename,
        "logo": menu.logo or logo,
        "navbar": pages,
        "archives": next((page for page in pages if page["route"] == "/archives"), None),
    }


def _multiple_archives(visible: Visible[Archive]) -> dict[str, Any]:
    """Return the form that asks every dataset with positions for the same piece of sky."""
    enabled = [
        {"archive": archive.config.id, "dataset": dataset.id}
        for archive in sorted(visible, key=lambda archive: archive.config.order)
        if archive.config.visible
        for dataset in archive.config.datasets
        if _has_positions(mapping_of(archive, dataset))
    ]
    # The Pleiades: every shipped catalogue of stars has something there.
    sky = {
        "ra": {**_DEGREES["ra"], "default": 56.75},
        "dec": {**_DEGREES["dec"], "default": 24.12},
        "fov": {**_DEGREES["fov"], "default": 1.0},
    }
    size = {"type": "number", "title": "Results per dataset", "default": 10}
    return {
        "query_schema": _form(MULTIPLE, "Search all archives", {**sky, "page_size": size}),
        "datasets_enabled": enabled,
        "archives": list(dict.fromkeys(pair["archive"] for pair in enabled)),
    }


def _archive_form(archive: Archive) -> dict[str, Any]:
    config = archive.config
    understood = {
        parameter
        for dataset in config.datasets
        for parameter in mapping_of(archive, dataset).parameters
    }
    properties: dict[str, Any] = {
        "catalog": {
            "type": "string",
            "title": "Catalog",
            "default": config.id,
            "enum": [config.id],
            "enumNames": [config.title],
        }
    }
    if {"ra", "dec"} <= understood:
        properties |= {"target": _text("Target")} | _DEGREES
    levels = _named(dataset.level for dataset in config.datasets)
    if levels:
        properties["level"] = _choice("Processing level", levels, needless_all=True)
    categories = _named(dataset.category for dataset in config.datasets)
    if len(categories) > 1:
        properties["category"] = _choice("Category", categories)
    collections = _named(dataset.collection for dataset in config.datasets)
    if collections:
        properties["collection"] = _choice("Collection", collections)
    elif "collection" in understood:
        properties["collection"] = _text("Collection")
    properties |= {name: form for name, form in _FURTHER.items() if name in understood}
    return _form(_PARSER, f"Search {config.title}", properties)


def _has_positions(mapping: ParameterMapping) -> bool:
    return bool(mapping.rule("ra") and mapping.rule("dec"))


def _form(name: str, title: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": title, "type": "object", "properties": properties}


def _text(title: str) -> dict[str, Any]:
    return {"type": "string", "title": title}


def _named(values: Iterable[str]) -> dict[str, str]:
    return {value: value for value in sorted(set(values)) if value}


def _choice(
    title: str, choices: Mapping[str, str], *, needless_all: bool = False
) -> dict[str, Any]:
    """Return a field of several choices; "all" leaves the parameter out.

    `needless_all` drops "all" where there is one choice only.
    """
    if not (needless_all and len(choices) == 1):
        choices = {"all": "All"} | dict(choices)
    return {
        "type": "string",
        "title": title,
        "default": next(iter(choices)),
        "enum": list(choices),
        "enumNames": list(choices.values()),
    }


_FURTHER: Mapping[str, Any] = {
    "instrument": _text("Instrument"),
    "dataproduct_type": _choice("Product type", {name: name for name in _PRODUCTS}),
    "dataproduct_subtype": _text("Product subtype"),
    "dataproduct_level": _choice("Calibration level", _CALIBRATION),
    "startdate": _text("Observed after (such as 2020-01-31)"),
    "enddate": _text("Observed before"),
    "scope": _text("Scope"),
    "resource_category": _choice("Category", _ENTITIES),
}
