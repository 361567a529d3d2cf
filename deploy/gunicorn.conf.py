# ruff: noqa: INP001  gunicorn reads it as a file, not as a module of a package
"""How gunicorn serves the gateway, on a laptop and in a deployment alike.

What differs (address, number of processes) is given on the command line or in GUNICORN_CMD_ARGS.
"""

import os
import shutil
import socket
import struct
import tempfile
from typing import Any

# The gateway mostly waits for archives, so threads are many and processes few.
worker_class = "esap.serve.gthread.Worker"
threads = 32
# Streaming answers end within this many seconds of a restart.
graceful_timeout = 30
keepalive = 75
loglevel = os.environ.get("ESAP_LOG_LEVEL", "INFO").lower()
# Every request is already logged by the application, without secrets.
accesslog = None
# The heartbeat file must not live on a disk that can stall.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108
control_socket_disable = True
# ESAP_BEHIND_PROXY says whether a proxy is believed. By default gunicorn believes all clients on
# this machine, and takes the scheme and the root path from their headers.
forwarded_allow_ips = ""

_SILENT_SECONDS = 60
_FIGURES = "PROMETHEUS_MULTIPROC_DIR"


def on_starting(server: Any) -> None:
    """Have several processes keep their figures in one folder, so that each can tell the sum.

    It has to be known before a process imports prometheus_client.
    """
    if server.cfg.workers > 1:
        os.environ[_FIGURES] = tempfile.mkdtemp(prefix="esap-figures-", dir=worker_tmp_dir)


def on_exit(server: Any) -> None:
    """Remove that folder: the figures of a process begin at zero."""
    if server.cfg.workers > 1:
        shutil.rmtree(os.environ[_FIGURES], ignore_errors=True)


def when_ready(server: Any) -> None:
    """Let go of clients that neither read nor send for so long, or each would keep a thread.

    Linux hands these options on to the connections that a listening socket accepts (socket(7)).
    """
    patience = struct.pack("ll", _SILENT_SECONDS, 0)
    for listener in server.LISTENERS:
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
