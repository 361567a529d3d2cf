"""STILTS, the VO's tools for tables: a client that tests drive, not a server."""

from pathlib import Path

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.processes import Processes

PACKAGES = ["stilts", "default-jre-headless"]
PROGRAM = Path("/usr/bin/stilts")


class Stilts(Peer):
    """STILTS as Debian packages it; its `url` is the path of the program."""

    name = "stilts"
    title = "STILTS"

    def why_absent(self) -> str | None:
        if self.changes():
            return "not installed: run `make peers` as root, on Debian"
        return None

    def version(self) -> str:
        return f"STILTS {(debian.installed(PACKAGES[0]) or '?').partition('-')[0]}"

    def changes(self) -> list[str]:
        if missing := _missing():
            return [f"install the Debian packages {', '.join(missing)}, and what they depend on"]
        return []

    def install(self) -> None:
        debian.install(_missing())

    def fingerprint(self) -> str:
        return ""

    def prepare(self, folder: Path, processes: Processes) -> None:
        """Nothing: each test runs a program of its own."""

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        return PeerInfo(name=self.name, version=self.version(), url=str(PROGRAM))


def _missing() -> list[str]:
    """Any Java does: `default-jre-headless` is asked for only where there is none."""
    java = Path("/usr/bin/java").exists()
    return debian.missing(PACKAGES[:1] if java else PACKAGES)
