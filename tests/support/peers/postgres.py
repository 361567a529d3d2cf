"""PostgreSQL, bare: a cluster for tests that run on it as they run on SQLite."""

import hashlib
from pathlib import Path
from urllib.parse import quote

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.dachs.postgres import Cluster
from tests.support.peers.processes import Processes, copy_tree

PACKAGE = "postgresql-15"
ROLE = "esap"
"""Owns all that tests make, and has this very word as its password: only tests can reach it."""


_SETTINGS = """
max_connections = 300
# Tests make it crash: what was committed has to be there afterwards.
synchronous_commit = on
"""


class Postgres(Peer):
    """PostgreSQL as Debian packages it, on a Unix socket in a folder of its own."""

    name = "postgres"
    title = "PostgreSQL"

    def why_absent(self) -> str | None:
        if debian.missing([PACKAGE]):
            return "not installed: run `make peers` as root, on Debian 12"
        return None

    def version(self) -> str:
        return f"PostgreSQL {(debian.installed(PACKAGE) or '').partition('-')[0]}"

    def changes(self) -> list[str]:
        if debian.missing([PACKAGE]):
            return [
                f"install the Debian package {PACKAGE}, and what it depends on",
                "the package makes a cluster of its own, which is not used here",
            ]
        return []

    def install(self) -> None:
        debian.install(debian.missing([PACKAGE]))

    def fingerprint(self) -> str:
        ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return f"{PACKAGE} {debian.installed(PACKAGE)}\n{ours}"

    def prepare(self, folder: Path, processes: Processes) -> None:
        cluster = Cluster(folder, processes)
        cluster.create()
        with (cluster.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        cluster.start()
        cluster.sql(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{ROLE}';", database="postgres")
        cluster.stop()

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        copy_tree(prepared / "pgdata", folder / "pgdata")
        Cluster(folder, processes).start()
        return PeerInfo(
            name=self.name,
            version=self.version(),
            url=f"postgres://{ROLE}:{ROLE}@{quote(str(folder), safe='')}",
        )
