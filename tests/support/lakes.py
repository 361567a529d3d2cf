"""Entries of data lakes for tests, as an operator would write them."""

from pathlib import Path
from typing import Any

import yaml

from tests.support.accounts import provider_entry
from tests.support.iam import Iam
from tests.support.rucio import Lake

__all__ = ["add_home", "lake_entry", "write_lakes"]


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


def add_home(lake: Lake, storage: str, name: str = "HOME_USERDISK") -> str:
    """Add a storage element where users may bring files: Rucio's policy goes by such names."""
    first, second = ({"read": n, "write": n, "delete": n} for n in (1, 2))
    lake.root("POST", f"/rses/{name}", json={"deterministic": True})
    for account in ("alice", "bob", "esap"):
        lake.root("POST", f"/accounts/{account}/limits/local/{name}", json={"bytes": 10 << 20})
    # Users write over HTTP; Rucio's reaper removes where it is at home, as at the other elements.
    webdav = {
        "hostname": "127.0.0.1",
        "port": int(lake.site.rpartition(":")[2]),
        "prefix": f"/storage/{name}/",
        "impl": "rucio.rse.protocols.webdav.Default",
        "domains": {"lan": second, "wan": second},
    }
    local = {
        "hostname": "localhost",
        "port": 0,
        "prefix": f"{storage}/{name}/",
        "impl": "rucio.rse.protocols.posix.Default",
        "domains": {"lan": first, "wan": first},
    }
    lake.root("POST", f"/rses/{name}/protocols/http", json=webdav)
    lake.root("POST", f"/rses/{name}/protocols/file", json=local)
    return name
