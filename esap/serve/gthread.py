"""gunicorn's worker of threads, which waits for no client to hang up.

gunicorn 27 closes connections in the thread that accepts them, and waits there up to two seconds
for each client to close its end (RFC 9112, section 9.6): a few clients that do not would keep all
others out.
"""

from typing import Any

from gunicorn.util import close_graceful  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

__all__ = ["Worker"]

_LINGER_SECONDS = 0.5


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Closes each connection in the thread that has served it."""

    def handle(self, conn: Any) -> Any:
        """Serve a request; return whether the connection is kept."""
        kept = super().handle(conn)
        if not kept:
            conn.sock.settimeout(None)
            close_graceful(conn.sock, timeout=_LINGER_SECONDS)
            conn.close = _closed
        return kept


def _closed(*, graceful: bool = False) -> None:
    """There is nothing left to close."""
