"""A PostgreSQL cluster of our own, on a Unix socket only, with the extensions DaCHS needs."""

import os
import re
import signal
from pathlib import Path

from tests.support.peers.processes import PeerFailed, Processes

BIN = Path("/usr/lib/postgresql/15/bin")
EXTENSIONS = Path("/usr/share/postgresql/15/extension")
DATABASE = "gavo"

_SOCKET_PATH_LIMIT = 107  # sun_path in unix(7), without its final NUL

_SETTINGS = """
listen_addresses = ''
shared_buffers = 64MB
work_mem = 32MB
jit = off
autovacuum = off
# Nothing here is worth keeping over a power cut.
fsync = off
full_page_writes = off
synchronous_commit = off
max_wal_size = 24MB
min_wal_size = 8MB
wal_level = minimal
max_wal_senders = 0
"""

_HBA = """
local all {superuser} peer
local all all scram-sha-256
"""


_REGISTER_PGSPHERE = """
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
SELECT 99999, 'pg_sphere', oid, 'public'::regnamespace, true, :'version'
FROM pg_roles WHERE rolname = current_user;
"""
"""Lets DaCHS see that the extension is there."""


class Cluster:
    """The cluster in a folder: its data in `pgdata/`, its socket beside them."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self.folder = folder
        self.data = folder / "pgdata"
        self._processes = processes

    def create(self) -> None:
        """Make an empty cluster whose superuser is the account of the peers."""
        account = self._processes.account
        account.folder(self.data)
        self._processes.run(
            BIN / "initdb", "-D", self.data, "-U", account.name, "-E", "UTF8", "--locale=C.UTF-8",
            "-A", "peer", "--auth-host=reject", "--no-sync", "--wal-segsize=4",
        )  # fmt: skip
        with (self.data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        (self.data / "pg_hba.conf").write_text(_HBA.format(superuser=account.name))

    def start(self) -> None:
        """Start the server and return when it accepts connections."""
        socket = str(self.folder / ".s.PGSQL.5432")
        if len(os.fsencode(socket)) > _SOCKET_PATH_LIMIT:
            raise PeerFailed(
                f"{socket} is too long for the name of a Unix socket: "
                "name a shorter folder in ESAP_PEERS_CACHE."
            )
        # SIGQUIT ends the server at once: its data are thrown away.
        self._processes.spawn(
            BIN / "postgres", "-D", self.data, "-k", self.folder,
            log="postgres.log", stop=signal.SIGQUIT,
        )  # fmt: skip
        self._processes.wait_until(self._accepts, what="PostgreSQL", within=30)

    def stop(self) -> None:
        """Shut down in order, so that the data can be copied."""
        self._processes.run(BIN / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop")

    def sql(self, statements: str, *, database: str = DATABASE, **variables: str) -> str:
        """Run statements as the superuser; return bare values, a row a line."""
        options = [f"--set={name}={value}" for name, value in variables.items()]
        return self._processes.run(
            BIN / "psql", "-h", self.folder, "-d", database,
            "-X", "-q", "-A", "-t", "--set=ON_ERROR_STOP=1", *options,
            text=statements,
        )  # fmt: skip

    def add_pgsphere(self) -> None:
        """Load pgSphere without CREATE EXTENSION.

        PostgreSQL 15.20 refuses two operators of pgSphere 1.2.0 ("commutator operator @> is already
        the commutator of operator <@"). Without these hints to the planner they do the same, and so
        the system's own copy of the script need not be changed.
        """
        control = (EXTENSIONS / "pg_sphere.control").read_text()
        version = _setting(control, "default_version")
        script = (EXTENSIONS / f"pg_sphere--{version}.sql").read_text()
        script = re.sub(r"^\\echo .*$", "", script, flags=re.MULTILINE)
        script = script.replace("MODULE_PATHNAME", _setting(control, "module_pathname"))
        script = re.sub(r"CREATE OPERATOR @ \([^)]*= smoc,[^)]*\)", _without_hints, script)
        self.sql(f"BEGIN;\n{script}\n{_REGISTER_PGSPHERE}\nCOMMIT;\n", version=version)

    def _accepts(self) -> bool:
        try:
            self._processes.run(BIN / "pg_isready", "-q", "-h", self.folder, within=5)
        except PeerFailed:
            return False
        return True


def _setting(control: str, name: str) -> str:
    match = re.search(rf"^{name}\s*=\s*'([^']*)'", control, flags=re.MULTILINE)
    if match is None:
        raise PeerFailed(f"pg_sphere.control does not name its {name}.")
    return match[1]


def _without_hints(operator: re.Match[str]) -> str:
    return re.sub(r"\s*(COMMUTATOR|NEGATOR)\s*=\s*'[^']*',", "", operator[0])
