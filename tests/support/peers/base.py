"""What every real peer of the tests has to know: whether it is here, and how to start it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.support.peers.processes import Processes


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """A running peer, as a test sees it."""

    name: str
    version: str
    url: str
    links: Mapping[str, str] = field(default_factory=dict)
    """Further addresses by a short name: `dachs.links["tap"]`."""


class Peer(ABC):
    """A server of somebody else's that tests talk to.

    It is installed once per machine, prepared once per cache folder, and started once per test run
    from what was prepared. The methods run in processes of their own; only `why_absent` and
    `version` are asked inside pytest, and have to be quick.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def why_absent(self) -> str | None:
        """Say why the peer cannot be started here, or None if it can."""

    @abstractmethod
    def version(self) -> str:
        """Tell the version that is installed; asked only if the peer is not absent."""

    def changes(self) -> list[str]:
        """List what `install` still has to change on this machine; empty when it is all done."""
        return []

    def install(self) -> None:  # noqa: B027 - most peers need nothing of the system
        """Make those changes. Runs as root, asks nothing."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Name all that `prepare` depends on: when this changes, it is prepared again."""

    @abstractmethod
    def prepare(self, folder: Path, processes: Processes) -> None:
        """Fill an empty folder with what `start` needs; the slow part, done once."""

    @abstractmethod
    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        """Start from what was prepared, on free loopback ports; return once it answers.

        `prepared` is shared by all runs and never written to; `folder` is empty and thrown away
        afterwards. There is no `stop`: all that was spawned through `processes` is ended.
        """
