"""Chromium, the browser that tests drive: nothing of it runs until a test opens a page."""

from pathlib import Path

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.processes import Processes

PACKAGE = "chromium"
PROGRAM = Path("/usr/bin/chromium")


class Chromium(Peer):
    """The browser as Debian packages it; its `url` is the path of the program."""

    name = "chromium"
    title = "Chromium"

    def why_absent(self) -> str | None:
        if self.changes():
            return "not installed: run `make peers` as root, on Debian"
        return None

    def version(self) -> str:
        return f"Chromium {(debian.installed(PACKAGE) or '?').partition('-')[0]}"

    def changes(self) -> list[str]:
        if debian.missing([PACKAGE]):
            return [f"install the Debian package {PACKAGE}, and what it depends on"]
        return []

    def install(self) -> None:
        debian.install([PACKAGE])

    def fingerprint(self) -> str:
        return ""

    def prepare(self, folder: Path, processes: Processes) -> None:
        """Nothing: each test has a browser of its own, with a new profile."""

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        return PeerInfo(name=self.name, version=self.version(), url=str(PROGRAM))
