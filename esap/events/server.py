"""The socket of the events process, and uvicorn on it."""

import os
import socket

import uvicorn

__all__ = ["listening_socket", "serve"]

SILENT_SECONDS = 20
"""How long a client may leave unanswered what was sent; it has vanished then."""

BACKLOG = 2048
_PROBES = 3


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket whose connections end when their client has vanished.

    A laptop that is closed, or a network that is gone, says no goodbye, and by itself Linux goes on
    for a quarter of an hour. Accepted sockets have these options of the one that listens (tcp(7)).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _timing().items():
        if hasattr(socket, option):  # other systems have some of them
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return listener


def _timing() -> dict[str, int]:
    return {
        # Of what was sent, such as a heartbeat; in milliseconds (RFC 5482).
        "TCP_USER_TIMEOUT": 1000 * SILENT_SECONDS,
        # Of connections on which nothing is sent: requests that wait.
        "TCP_KEEPIDLE": SILENT_SECONDS,
        "TCP_KEEPINTVL": max(1, SILENT_SECONDS // _PROBES),
        "TCP_KEEPCNT": _PROBES,
    }


def serve(host: str, port: int, *, grace: int) -> None:
    """Serve until told to end; then streams have so many seconds, and their clients come back."""
    config = uvicorn.Config(
        "esap.asgi:application",
        access_log=False,  # every request is logged already, without its query
        lifespan="off",
        ws="none",
        log_level=os.environ.get("ESAP_LOG_LEVEL", "INFO").lower(),
        timeout_graceful_shutdown=grace,
        server_header=False,
        backlog=BACKLOG,
    )
    uvicorn.Server(config).run(sockets=[listening_socket(host, port)])
