"""Entries for tests: archives at given addresses, written as an operator would."""

from pathlib import Path
from typing import Any

import yaml

__all__ = ["star_archive", "write_entries"]

MAPPINGS = [
    {
        "id": "stars",
        "parameters": {
            "ra": "ra",
            "dec": "dec",
            "target": "name",
            "magnitude": {"column": "mag", "op": "<=", "value": "number"},
            "class": "class",
        },
    },
    {
        "id": "obscore",
        "parameters": {
            "ra": "s_ra",
            "dec": "s_dec",
            "fov": "s_fov",
            "target": "target_name",
            "collection": "obs_collection",
            "dataproduct_type": "dataproduct_type",
            "startdate": {"column": "t_max", "op": ">=", "value": "mjd"},
        },
    },
]


def star_archive(archive_id: str, url: str, **changes: Any) -> dict[str, Any]:
    """Return the entry of an archive of the fake service, with its table of stars."""
    return {
        "id": archive_id,
        "type": "tap",
        "title": archive_id.capitalize(),
        "url": url,
        "private_network": True,
        "mapping": "stars",
        "datasets": [{"id": f"{archive_id}-stars", "name": "Stars", "table": "sky.stars"}],
        **changes,
    }


def write_entries(folder: Path, archives: list[dict[str, Any]], **sections: Any) -> list[Path]:
    """Write an entry file and return what settings.ENTRY_FILES should be."""
    file = folder / "entries.yaml"
    query = {"mappings": MAPPINGS, "archives": archives, **sections}
    file.write_text(yaml.safe_dump({"query": query}, sort_keys=False))
    return [file]
