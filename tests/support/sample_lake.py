# ruff: noqa: T201 - this is a command that speaks
"""A data lake to try the gateway with: `python -m tests.support.sample_lake FOLDER`.

It starts the Rucio of the tests, unless that runs, puts some images into it, and writes the entries
that the gateway needs into the folder. `python -m tests.support.peers stop rucio` ends it.
"""

import io
import sys
from http import HTTPStatus
from pathlib import Path

import numpy as np
import yaml
from astropy.io import fits

from tests.support.iam import client_secret
from tests.support.lakes import add_home
from tests.support.peers import PEERS, load, runs
from tests.support.peers.base import PeerInfo
from tests.support.peers.processes import PeerFailed
from tests.support.rucio import Lake

__all__ = ["fill", "write_entries"]

LABEL = "by-hand"
"""The run that `tests.support.peers start` and `stop` know, too."""

DATASET = "pleiades.images"
HOME = "SAMPLE_USERDISK"
FILTERS = {"B": 0.7, "V": 1.0, "R": 1.3}
STARS = {(32, 30): 9.0, (12, 34): 5.0, (44, 40): 5.5, (48, 26): 4.0, (40, 48): 4.5, (54, 33): 3.0}
"""Where on our made-up images they are, and how bright."""


def fill(lake: Lake, storage: str) -> None:
    """Put a dataset of three images into a lake, and a storage element for uploads beside."""
    if lake.status(f"/dids/escape/{DATASET}") == HTTPStatus.OK:
        return
    images = {f"pleiades.{name}.fits": _image(name, factor) for name, factor in FILTERS.items()}
    lake.dataset(images, DATASET)
    lake.describe(DATASET, {"object": "Pleiades", "telescope": "made up"})
    add_home(lake, storage, HOME)


def write_entries(folder: Path, info: PeerInfo) -> Path:
    """Write the entries of this Rucio and of its login provider, with their secrets beside."""
    folder.mkdir(parents=True, exist_ok=True)
    secrets = {
        "rucio": _secret(folder / "rucio-password", "esap-secret"),
        "iam": _secret(folder / "iam-secret", client_secret("esap")),
    }
    storage = Path(info.links["storage"])
    provider = {
        "id": "iam",
        "type": "oidc",
        "title": "Test IAM",
        "issuer": info.links["iam"],
        "private_network": True,
        "client_id": "esap",
        "client_secret": secrets["iam"],
        "scopes": ["openid", "profile", "email", "offline_access", "wlcg.groups"],
    }
    lake = {
        "id": "sample",
        "type": "rucio",
        "title": "Sample lake",
        "url": info.url,
        "private_network": True,
        "service": {"account": "esap", "username": "esap", "password": secrets["rucio"]},
        "facilities": [
            {
                "id": "desk",
                "title": "This machine",
                "rse_expression": "ESAP-COMPUTE",
                "mount_path": str(storage),
                # PFNs there are file://localhost/folder/of/the/storage/ESAP-COMPUTE/...
                "path_begins_at": len(storage.parts) - 1,
            }
        ],
        "storage": f"{info.links['site']}/storage/",
        "upload_rse": HOME,
    }
    file = folder / "lake.yaml"
    entries = {"accounts": {"providers": [provider]}, "rucio_app": {"lakes": [lake]}}
    file.write_text(yaml.safe_dump(entries, sort_keys=False))
    return file


def _image(name: str, factor: float) -> bytes:
    rows, columns = np.mgrid[:64, :64]
    image = sum(
        factor * light * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)
        for (x, y), light in STARS.items()
    )
    header = fits.Header({"OBJECT": "Pleiades", "FILTER": name})
    file = io.BytesIO()
    fits.PrimaryHDU(np.asarray(image, dtype="float32"), header).writeto(file)
    return file.getvalue()


def _secret(file: Path, text: str) -> str:
    file.touch(mode=0o600)
    file.write_text(text)
    return f"file:{file.resolve()}"


def main(arguments: list[str]) -> int:
    """Start and fill the Rucio, write the entries, and say what comes next."""
    folder = Path(arguments[0])
    peer = load(PEERS["rucio"])
    if why := peer.why_absent():
        print(f"{peer.title} is {why}.", file=sys.stderr)
        return 1
    try:
        info = runs.start("rucio", PEERS["rucio"], label=LABEL, owner=0).info
    except PeerFailed as error:
        print(error, file=sys.stderr)
        return 1
    fill(Lake(info.url, info.links["site"]), info.links["storage"])
    print(f"{peer.title} runs at {info.url}.")
    print(f"Its entries are in {write_entries(folder, info)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
