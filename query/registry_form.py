"""The form for searching the VO registry, which the graphical interface asks for at every start."""

from collections.abc import Mapping
from typing import Any

__all__ = ["REGISTRY_FORM", "REGISTRY_UI"]

_SERVICES = {
    "tap": "TAP: Tables",
    "scs": "SCS: Cone search",
    "ssa": "SSA: Spectra",
    "sia": "SIA: Images",
}
# https://www.ivoa.net/rdf/messenger, and "all", which leaves the parameter out.
_WAVEBANDS = {
    "all": "All",
    "radio": "Radio",
    "millimeter": "Millimetre",
    "infrared": "Infrared",
    "optical": "Optical",
    "uv": "Ultraviolet",
    "euv": "Extreme ultraviolet",
    "x-ray": "X-ray",
    "gamma-ray": "Gamma ray",
}


def _choice(title: str, choices: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "string",
        "title": title,
        "default": next(iter(choices)),
        "enum": list(choices),
        "enumNames": list(choices.values()),
    }


def _only_for(service: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"properties": {"service_type": {"enum": [service]}, **properties}}


REGISTRY_FORM: Mapping[str, Any] = {
    "name": "ivoa",
    "title": "Search the VO registry",
    "type": "object",
    "properties": {
        "catalog": _choice("Catalog", {"vo_reg": "IVOA"}),
        "keyword": {"type": "string", "title": "Keyword", "default": ""},
        "service_type": _choice("Service type", _SERVICES),
        "waveband": _choice("Waveband", _WAVEBANDS),
    },
    "required": ["catalog", "service_type"],
    "dependencies": {
        "service_type": {
            "oneOf": [
                _only_for(
                    "tap",
                    {
                        "adql_query": {
                            "type": "string",
                            "title": "ADQL query",
                            "default": "SELECT TOP 100 * FROM ivoa.obscore",
                        },
                        "tap_schema": {
                            "type": "string",
                            "title": "Table of TAP_SCHEMA",
                            "enum": [
                                "TAP_SCHEMA.schemas",
                                "TAP_SCHEMA.tables",
                                "TAP_SCHEMA.columns",
                            ],
                        },
                    },
                ),
                _only_for(
                    "scs",
                    {
                        "ra": {"type": "number", "title": "RA (degrees)"},
                        "dec": {"type": "number", "title": "Dec (degrees)"},
                        "fov": {"type": "number", "title": "Search radius (degrees)"},
                        "url": {"type": "string", "title": "Address of the service"},
                    },
                ),
            ]
        }
    },
}
"""Keys and values are the published ones; the interface's own code reads them by name."""

REGISTRY_UI: Mapping[str, Any] = {
    name: {"ui:widget": "hidden"}
    for name in ("adql_query", "tap_schema", "ra", "dec", "fov", "url")
}
"""The interface asks for these in a second step, so the first hides them."""
