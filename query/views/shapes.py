"""The published shapes, for the OpenAPI document."""

from collections.abc import Mapping
from typing import Any

__all__ = ["CONFIGURATION", "PLACE", "SHAPES", "TABLES", "page_of"]

Schema = dict[str, Any]


def _object(**properties: str | Schema) -> Schema:
    """Return the schema of an object; "string?" is a string or null."""
    return {
        "type": "object",
        "required": list(properties),
        "properties": {
            name: _plain(kind) if isinstance(kind, str) else kind
            for name, kind in properties.items()
        },
    }


def _plain(kind: str) -> Schema:
    if kind.endswith("?"):
        return {"type": [kind[:-1], "null"]}
    return {"type": kind}


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def page_of(shape: Schema) -> Schema:
    """Return the published envelope around a page of members of this shape."""
    return _object(
        description="string",
        version="string",
        requested_page="string",
        requested_page_size="string?",
        default_page_size="integer",
        max_page_size="integer",
        count="integer",
        pages="integer",
        results=_list_of(shape),
    )


_ABOUT = {
    "name": "string",
    "short_description": "string",
    "long_description": "string",
    "retrieval_description": "string",
    "thumbnail": "string",
}
_ARCHIVE: Mapping[str, str | Schema] = {
    "id": "integer",
    "uri": "string",
    **_ABOUT,
    "documentation_url": "string",
    "instrument": "string",
    "institute": "string",
    "datasets": _list_of({"type": "string"}),
}
_DATASET = {
    "uri": "string",
    **_ABOUT,
    "documentation_url": "string",
    "institute": "string",
    "category": "string",
    "level": "string",
    "collection": "string",
    "resource_name": "string",
    "output_format": "string",
    "service_connector": "string",
}

SHAPES: Mapping[str, Schema] = {
    "archives": _object(**_ARCHIVE, order="integer", visible="boolean"),
    "archives-uri": _object(**_ARCHIVE),
    "datasets": _object(
        url="string",
        **_DATASET,
        select_fields="string",
        title_field="string?",
        thumbnail_field="string?",
        url_field="string?",
        visibility="string",
        dataset_catalog="string",
        dataset_archive="string",
    ),
    "datasets-uri": _object(
        id="integer",
        **_DATASET,
        archive_name_derived="string",
        archive_uri_derived="string",
        catalog_name_derived="string",
        catalog_uri_derived="string",
        catalog_url_derived="string",
        catalog_user_url_derived="string",
    ),
    "catalogs": _object(
        id="integer",
        uri="string",
        **_ABOUT,
        url="string",
        user_url="string",
        dataset={"type": "null"},
        parameters="string?",
    ),
    "parameter-mapping": _object(url="string", uri="string", parameters="string"),
}
"""One member of each list."""

TABLES = page_of(
    _object(
        table_name="string",
        table_type="string",
        fields=_list_of(
            _object(name="string", description="string?", unit="string?", datatype="string")
        ),
    )
)
PLACE = _object(
    description="string", target_name="string", ra="string", dec="string", resolver="string"
)
CONFIGURATION = _object(configuration={"type": "object", "additionalProperties": True})
