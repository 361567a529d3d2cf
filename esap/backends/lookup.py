"""Names to addresses, in time.

`getaddrinfo` has no time limit and cannot be interrupted, so it runs in a thread that may be left
behind. Their number is bounded: one per name however many ask for it, and `_MOST` in all.
"""

import os
import socket
import threading
from typing import Any

from esap.backends.deadline import Scope

__all__ = ["Endpoint", "look_up"]

Endpoint = tuple[socket.AddressFamily, Any]
"""An address family, and an address as `socket.connect` takes it; its first item is the IP."""

_MOST = 32


class _LookUp:
    """One question to the resolver, which several callers may wait for."""

    def __init__(self) -> None:
        self.waiting: set[threading.Event] = set()
        self.answer: list[Endpoint] | OSError | None = None


_running: dict[tuple[str, int], _LookUp] = {}
_lock = threading.Lock()


def look_up(host: str, port: int, scope: Scope) -> list[Endpoint]:
    """Return the addresses of a host; raise `OSError` if there are none, or what the scope says."""
    try:
        # Literals, also 0x7f.1 or 2130706433, need no resolver and no thread.
        return _ask(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    done = threading.Event()
    with _lock:
        question = _running.get((host, port))
        if question is None:
            if len(_running) >= _MOST:
                raise OSError("too many names are being looked up")
            question = _running[host, port] = _LookUp()
            name = f"look-up {host}"
            threading.Thread(target=_run, args=(host, port), name=name, daemon=True).start()
        question.waiting.add(done)
    try:
        scope.wait(done)
    finally:
        with _lock:
            question.waiting.discard(done)
    if isinstance(question.answer, list):
        return question.answer
    raise OSError(f"{host} does not resolve") from question.answer


def _run(host: str, port: int) -> None:
    answer: list[Endpoint] | OSError
    try:
        answer = _ask(host, port, 0)
    except OSError as error:
        answer = error
    with _lock:
        question = _running.pop((host, port))
        question.answer = answer
        for waiting in question.waiting:
            waiting.set()


def _ask(host: str, port: int, flags: int) -> list[Endpoint]:
    try:
        found = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM, 0, flags)
    except UnicodeError as error:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    return [(socket.AddressFamily(family), sockaddr) for family, _, _, _, sockaddr in found]


def _forget() -> None:
    """In a forked child, the threads that would answer do not exist."""
    global _lock  # noqa: PLW0603 - the parent's lock may be held for ever
    _lock = threading.Lock()
    _running.clear()


os.register_at_fork(after_in_child=_forget)
