"""The folders in which peers are kept: one prepared, and one per run."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers.account import account
from tests.support.peers.base import Peer
from tests.support.peers.processes import PeerFailed, Processes, end_strays


def cache_root() -> Path:
    """Find the folder of all peers.

    Root's home is closed to the account that root's peers run as, so root has another default.
    """
    if named := os.environ.get("ESAP_PEERS_CACHE"):
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/cache/esap-peers")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "esap-peers"


class PeerCache:
    """The folder of one peer: `prepared/`, `runs/<label>/`, and a lock for whoever changes them."""

    def __init__(self, name: str) -> None:
        self.folder = cache_root() / name
        self.prepared = self.folder / "prepared"
        self.runs = self.folder / "runs"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process from preparing, starting or sweeping meanwhile."""
        self.runs.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def run_folder(self, label: str) -> Path:
        return self.runs / label

    def is_prepared(self, peer: Peer) -> bool:
        """Tell whether what was prepared is still what `prepare` would make."""
        try:
            return (self.prepared / "fingerprint").read_text() == peer.fingerprint()
        except FileNotFoundError:
            return False

    def prepare(self, peer: Peer) -> None:
        """Prepare afresh; what was prepared before stays until this has succeeded."""
        making = self.folder / "preparing"
        remove(making)
        owner = account()
        owner.folder(making)
        with Processes(making, owner) as processes:
            self._check_way_in(processes)
            peer.prepare(making, processes)
        (making / "fingerprint").write_text(peer.fingerprint())
        remove(self.prepared)
        making.rename(self.prepared)

    def sweep(self) -> list[str]:
        """Remove the runs whose keeper is gone, with whatever still runs; return their labels."""
        swept = []
        for folder in self.run_folders():
            if keeper_of(folder) is None:
                remove(folder)
                swept.append(folder.name)
        return swept

    def run_folders(self) -> list[Path]:
        return sorted(self.runs.iterdir()) if self.runs.is_dir() else []

    def _check_way_in(self, processes: Processes) -> None:
        try:
            processes.run("test", "-w", processes.folder)
        except PeerFailed as error:
            raise PeerFailed(
                f"The account {processes.account.name} cannot write to {processes.folder}: "
                "name a folder that it may enter in ESAP_PEERS_CACHE."
            ) from error


def remove(folder: Path) -> None:
    """Remove a folder, after ending the processes that belong to it."""
    if folder.exists():
        end_strays(folder)
        shutil.rmtree(folder)


def hold(folder: Path) -> int:
    """Mark a run as kept by this process, for as long as it lives."""
    lock = os.open(folder / "keeper", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)
    os.write(lock, str(os.getpid()).encode())
    return lock


def keeper_of(folder: Path) -> int | None:
    """Give the process id of a run's keeper, or None if it is gone."""
    try:
        lock = (folder / "keeper").open("r+")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read())
    return None
