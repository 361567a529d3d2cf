"""The certificates of a Rucio that is asked over TLS: its own, and the gateway's."""

from dataclasses import dataclass
from pathlib import Path

from tests.support.authority import Authority, Issued

__all__ = ["ROBOT", "Certificates", "write"]

ROBOT = "CN=esap robot,O=ESAP"
"""The identity, as Apache's mod_ssl writes it (RFC 2253)."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where they are: the authority of both, the server's, and the robot's."""

    authority: Path
    server: Issued
    robot: Issued


def write(folder: Path) -> Certificates:
    """Make an authority in a new folder, and have it issue both."""
    authority = Authority(folder)
    server = authority.issue("CN=127.0.0.1", hosts=["127.0.0.1", "localhost"])
    return Certificates(authority.file, server, authority.issue(ROBOT))
