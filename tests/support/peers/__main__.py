# ruff: noqa: T201 - this is a command that speaks
"""Peers by hand: `python -m tests.support.peers {list,install,prepare,start,stop,status}`."""

import argparse
import os
import sys
import time
from collections.abc import Callable

from tests.support.peers import PEERS, load, runs
from tests.support.peers.base import Peer
from tests.support.peers.cache import PeerCache, cache_root
from tests.support.peers.processes import PeerFailed

LABEL = "by-hand"


def main(arguments: list[str]) -> int:
    """Carry out one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, function in COMMANDS.items():
        sub = commands.add_parser(command, help=function.__doc__)
        optional = command in {"list", "status", "stop"}
        sub.add_argument(
            "name", choices=[*PEERS, "all"], nargs="?" if optional else None, default="all"
        )
    asked = parser.parse_args(arguments)
    names = list(PEERS) if asked.name == "all" else [asked.name]
    does: Callable[[Peer], int] = COMMANDS[asked.command]
    try:
        return max([does(load(PEERS[name])) for name in names])
    except PeerFailed as error:
        print(error, file=sys.stderr)
        return 1


def list_(peer: Peer) -> int:
    """Tell which peers are here, and why others are not."""
    why = peer.why_absent()
    _say(peer, f"absent: {why}" if why else peer.version())
    return 0


def install(peer: Peer) -> int:
    """Install what a peer needs of the system; as root, on Debian."""
    changes = peer.changes()
    if not changes:
        _say(peer, "is installed.")
        return 0
    _say(peer, "needs these changes to this machine:")
    for change in changes:
        print(f"  - {change}", flush=True)
    if os.geteuid() != 0:
        print("They need root: run this again as root.", file=sys.stderr)
        return 1
    peer.install()
    _say(peer, "is installed.")
    return 0


def prepare(peer: Peer) -> int:
    """Prepare a peer in the cache folder, unless it is."""
    _must_be_here(peer)
    cache = PeerCache(peer.name)
    begun = time.monotonic()
    with cache.locked():
        if cache.is_prepared(peer):
            _say(peer, f"is prepared in {cache.prepared}.")
            return 0
        _say(peer, f"is being prepared in {cache.prepared} ...")
        cache.prepare(peer)
    _say(peer, f"is prepared, in {time.monotonic() - begun:.1f} s.")
    return 0


def start(peer: Peer) -> int:
    """Start a peer, to run until `stop`."""
    _must_be_here(peer)
    started = runs.start(peer.name, PEERS[peer.name], label=LABEL, owner=0)
    _say(peer, f"runs at {started.info.url}, after {started.start_seconds:.1f} s.")
    for name, url in started.info.links.items():
        print(f"  {name:10} {url}")
    return 0


def stop(peer: Peer) -> int:
    """Stop a peer that `start` started, and remove what killed runs left behind."""
    stopped = runs.stop(peer.name, LABEL)
    cache = PeerCache(peer.name)
    with cache.locked():
        cache.sweep()
    _say(peer, "is stopped." if stopped else "was not running.")
    return 0


def status(peer: Peer) -> int:
    """Tell what runs, for whom, and where the cache is."""
    cache = PeerCache(peer.name)
    _say(peer, "prepared" if cache.is_prepared(peer) else "not prepared", f"({cache_root()})")
    for folder in cache.run_folders():
        running = runs.running(peer.name, folder.name)
        print(f"  {folder.name:16} {running.info.url if running else 'is not ready, or is stale'}")
    return 0


def _must_be_here(peer: Peer) -> None:
    if why := peer.why_absent():
        raise PeerFailed(f"{peer.title} is {why}.")


def _say(peer: Peer, *words: str) -> None:
    print(f"{peer.title}", *words, flush=True)


COMMANDS: dict[str, Callable[[Peer], int]] = {
    "list": list_,
    "install": install,
    "prepare": prepare,
    "start": start,
    "stop": stop,
    "status": status,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
