"""Entries of data lakes for tests, as an operator would write them."""

from pathlib import Path
from typing import Any

import yaml

from tests.support.accounts import provider_entry
from tests.support.iam import Iam

__all__ = ["lake_entry", "write_lakes"]


def lake_entry(folder: Path, url: str, **changes: Any) -> dict[str, Any]:
    """Return the entry of a Rucio, with the gateway's own account and one facility."""
    password = folder / "rucio-password"
    password.write_text("esap-secret")
    return {
        "id": "lake",
        "type": "rucio",
        "title": "The lake",
        "url": url,
        "private_network": True,
        "service": {"account": "esap", "username": "esap", "password": f"file:{password}"},
        "facilities": [
            {
                "id": "cluster",
                "title": "The cluster",
                "rse_expression": "ESAP-COMPUTE",
                "mount_path": "/mnt/lake",
            }
        ],
        "patience": 0,
        **changes,
    }


def write_lakes(folder: Path, issuer: Iam, *lakes: dict[str, Any]) -> list[Path]:
    """Write an entry file with these lakes and the provider; return what ENTRY_FILES should be."""
    file = folder / "lakes.yaml"
    sections = {
        "accounts": {"providers": [provider_entry(issuer)]},
        "rucio_app": {"lakes": list(lakes)},
    }
    file.write_text(yaml.safe_dump(sections, sort_keys=False))
    return [file]
