"""The process that keeps one peer running for one owner, and ends it when the owner has ended.

    python -m tests.support.peers.keeper <module:Class> <label of the run> <owner's process id or 0>

It detaches at once, prints one line of JSON when the peer answers or has failed, and then waits. It
is a process of its own because pytest may be killed outright: the kernel tells the keeper.
"""

import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from types import FrameType
from typing import NoReturn

from tests.support.peers import load
from tests.support.peers.account import account
from tests.support.peers.base import Peer
from tests.support.peers.cache import PeerCache, hold, remove
from tests.support.peers.processes import PeerFailed, Processes

READY = "ready.json"
"""What the keeper printed, left in the run's folder for others of the same run."""


def keep(peer: Peer, label: str) -> None:
    """Start the peer and stay until told to stop; return at once if another keeper has this run."""
    cache = PeerCache(peer.name)
    folder = cache.run_folder(label)
    with ExitStack() as cleanup:
        with cache.locked():
            cache.sweep()
            if folder.exists():
                _report((folder / READY).read_text())
                return
            owner = account()
            owner.folder(folder)
            hold(folder)
            cleanup.callback(remove, folder)
            processes = cleanup.enter_context(Processes(folder, owner))
            ready = _start(peer, cache, processes)
            (folder / READY).write_text(ready)
        _report(ready)
        while True:
            processes.check()
            time.sleep(1)


def _start(peer: Peer, cache: PeerCache, processes: Processes) -> str:
    begun = time.monotonic()
    if not cache.is_prepared(peer):
        cache.prepare(peer)
    prepared = time.monotonic()
    info = peer.start(cache.prepared, processes.folder, processes)
    return json.dumps(
        {
            "info": asdict(info),
            "prepare_seconds": prepared - begun,
            "start_seconds": time.monotonic() - prepared,
        }
    )


def _report(line: str) -> None:
    """Tell whoever started us, who reads one line; later reports go to the log only."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _end_with(owner: int) -> None:
    """Stop when that process ends, however it ends."""
    try:
        handle = os.pidfd_open(owner)
    except ProcessLookupError:
        sys.exit("The owner has ended already.")

    def wait() -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _stop(signum: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signum, signal.SIG_IGN)
    sys.exit(0)


def main(reference: str, label: str, owner: str) -> None:
    """Detach, and keep the peer."""
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.signal(signal.SIGTERM, _stop)
    if int(owner):
        _end_with(int(owner))
    try:
        keep(load(reference), label)
    except PeerFailed as error:
        _report(json.dumps({"failed": str(error)}))
    except Exception:
        _report(json.dumps({"failed": traceback.format_exc()}))
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
