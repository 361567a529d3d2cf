"""Exit with 0 if this container does its work; ESAP_PROCESS names the process it runs."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["PROOFS"]

_CLOCK_SECONDS = 60.0
_ANSWER_SECONDS = 5.0


def speaks_http(port: int) -> bool:
    """Tell whether a server answers; a refused host name is an answer too."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/esap-api/health/live")
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def worker_answers() -> bool:
    """Tell whether the worker of this container answers through the broker."""
    # Only here, because it is slow.
    from esap.celery import app  # noqa: PLC0415

    me = f"celery@{socket.gethostname()}"
    return bool(app.control.ping(destination=[me], timeout=_ANSWER_SECONDS))


def clock_goes() -> bool:
    """Tell whether the clock has ticked lately."""
    file = Path(os.environ["ESAP_DATA_DIR"]) / "clock-alive"  # as esap.clock names it
    return file.exists() and time.time() - file.stat().st_mtime < _CLOCK_SECONDS


PROOFS: dict[str, Callable[[], bool]] = {
    "gateway": lambda: speaks_http(8000),
    "events": lambda: speaks_http(8001),
    "worker": worker_answers,
    "clock": clock_goes,
}

if __name__ == "__main__":
    process = os.environ.get("ESAP_PROCESS", "gateway")
    sys.exit(0 if PROOFS[process]() else f"The {process} does not answer.")
