"""A peer of two sleeping processes, and one that is absent, for the tests of the machinery.

As a pytest plugin, loaded before the peers' own, it makes them the only peers there are.
"""

import os
from pathlib import Path

from tests.support.peers import PEERS
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.processes import PeerFailed, Processes

TINY = f"{__name__}:Tiny"
NOWHERE = f"{__name__}:Nowhere"


class Tiny(Peer):
    name = "tiny"
    title = "Tiny"

    def why_absent(self) -> str | None:
        return None

    def version(self) -> str:
        return "1.0"

    def fingerprint(self) -> str:
        return os.environ.get("TINY_FINGERPRINT", "")

    def prepare(self, folder: Path, processes: Processes) -> None:
        (folder / "made").write_text(processes.run("id", "-un"))

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        processes.spawn("sh", "-c", "sleep 1000 & echo up; exec sleep 1000", log="tiny.log")
        log = folder / "tiny.log"
        processes.wait_until(lambda: log.read_text() == "up\n", what=self.title)
        if said := os.environ.get("TINY_FAILS"):
            raise PeerFailed(said)
        return PeerInfo(name=self.name, version=self.version(), url=str(folder))


class Nowhere(Tiny):
    name = "nowhere"
    title = "Nowhere"

    def why_absent(self) -> str | None:
        return "not to be had"


if os.environ.get("TINY_PEERS_ONLY"):
    PEERS.clear()
    PEERS.update({"tiny": TINY, "nowhere": NOWHERE})
