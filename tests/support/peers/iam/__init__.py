"""An OpenID provider that speaks like INDIGO IAM: a certified engine, with IAM's habits and tokens.

The engine is npm's `oidc-provider`; `server/` dresses it, and lets tests make it fail.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import requests

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.ports import free_port
from tests.support.peers.processes import Processes

SERVER = Path(__file__).parent / "server"
NODE = Path("/usr/bin/node")
NPM = Path("/usr/bin/npm")
OLDEST_NODE = 20
LISTS = ["package.json", "package-lock.json", ".npmrc"]
PASSED_TO_NPM = re.compile(r"(?i)(https?|no)_proxy|npm_config_\w+|node_extra_ca_certs")
"""What of our environment decides how npm reaches its registry."""


class Iam(Peer):
    """The provider that all tests of a run share."""

    name = "iam"
    title = "Test IAM"

    def why_absent(self) -> str | None:
        if self.changes():
            return "not installed: run `make peers` as root, on Debian"
        if int(_node().split(".")[0]) < OLDEST_NODE:
            return f"in need of Node.js {OLDEST_NODE} or newer: {NODE} is {_node()}"
        return None

    def version(self) -> str:
        packages = json.loads((SERVER / "package-lock.json").read_text())["packages"]
        return (
            f"oidc-provider {packages['node_modules/oidc-provider']['version']} on Node {_node()}"
        )

    def changes(self) -> list[str]:
        if missing := _missing():
            return [f"install the Debian packages {', '.join(missing)}, and what they depend on"]
        return []

    def install(self) -> None:
        debian.install(_missing())

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name in LISTS:
            digest.update((SERVER / name).read_bytes())
        return f"{_node()}\n{digest.hexdigest()}"

    def prepare(self, folder: Path, processes: Processes) -> None:
        for name in LISTS:
            shutil.copy(SERVER / name, folder)
        environment = {
            name: os.environ[name] for name in os.environ if PASSED_TO_NPM.fullmatch(name)
        }
        processes.run(NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts", env=environment)

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        port = free_port()
        place(prepared, folder, processes, shared=True)
        url = serve(folder, processes, port=port)
        with requests.Session() as session:
            session.trust_env = False
            said = session.get(f"{url}/.well-known/openid-configuration", timeout=10).json()
        links = {
            name.removesuffix("_endpoint"): address
            for name, address in said.items()
            if name.endswith("_endpoint")
        }
        return PeerInfo(name=self.name, version=self.version(), url=url, links=links)


def place(prepared: Path, folder: Path, processes: Processes, **settings: object) -> None:
    """Put an instance with those settings into a folder; they are described in `settings.mjs`."""
    server = folder / "server"
    shutil.copytree(SERVER, server, ignore=shutil.ignore_patterns("node_modules"))
    (server / "node_modules").symlink_to(prepared / "node_modules")
    state = folder / "state"
    state.mkdir()
    (state / "settings.json").write_text(json.dumps(settings))
    processes.account.give(state)


def serve(folder: Path, processes: Processes, *, port: int) -> str:
    """Start the instance of that folder and return its address, once it answers."""
    url = f"http://127.0.0.1:{port}"
    processes.spawn(
        NODE, folder / "server" / "server.mjs", str(port), folder / "state", log="iam.log"
    )
    processes.wait_until(lambda: _answers(f"{url}/__test/settings"), what="The test IAM")
    return url


def _answers(url: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=10).ok
        except requests.ConnectionError:
            return False


def _missing() -> list[str]:
    """List the packages to install. Node.js may be another than Debian's, and bring npm along."""
    return [path.name.replace("node", "nodejs") for path in (NODE, NPM) if not path.exists()]


def _node() -> str:
    said = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.strip().removeprefix("v")
