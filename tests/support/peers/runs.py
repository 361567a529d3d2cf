"""Starting and stopping peers from outside: by pytest, or by hand."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.peers.base import PeerInfo
from tests.support.peers.cache import PeerCache, keeper_of
from tests.support.peers.keeper import READY
from tests.support.peers.processes import PeerFailed

CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Running:
    """A peer that was started, and how long that took."""

    info: PeerInfo
    prepare_seconds: float
    start_seconds: float


def start(name: str, reference: str, *, label: str, owner: int) -> Running:
    """Start a peer under a keeper, or join the run of that label; raise `PeerFailed`.

    The keeper ends the peer when the process `owner` ends; 0 stands for nobody.
    """
    folder = PeerCache(name).folder
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.support.peers.keeper", reference, label, str(owner)]
    with (
        (folder / "keeper.log").open("a") as log,
        subprocess.Popen(
            command,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
    if not line:
        raise PeerFailed(f"The keeper of {name} ended without a word: see {log.name}")
    return _parse(line)


def running(name: str, label: str) -> Running | None:
    """Tell what runs under that label."""
    folder = PeerCache(name).run_folder(label)
    if not folder.exists() or keeper_of(folder) is None:
        return None
    try:
        return _parse((folder / READY).read_text())
    except FileNotFoundError:  # it is being started
        return None


def stop(name: str, label: str, *, within: float = 20) -> bool:
    """End a run, if there is one, and return when nothing is left of it; tell if there was one."""
    cache = PeerCache(name)
    folder = cache.run_folder(label)
    if not folder.exists():
        return False
    if (keeper := keeper_of(folder)) is not None:
        os.kill(keeper, signal.SIGTERM)
        end = time.monotonic() + within
        while folder.exists() and time.monotonic() < end:
            time.sleep(0.02)
        with suppress(ProcessLookupError):
            if folder.exists():
                os.kill(keeper, signal.SIGKILL)
    with cache.locked():
        cache.sweep()
    return True


def _parse(line: str) -> Running:
    said = json.loads(line)
    if "failed" in said:
        raise PeerFailed(said["failed"])
    return Running(
        info=PeerInfo(**said["info"]),
        prepare_seconds=said["prepare_seconds"],
        start_seconds=said["start_seconds"],
    )
