"""Answers that stream: they fail before they start, and stop when nobody listens any more."""

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain

from django.http import HttpRequest, StreamingHttpResponse

__all__ = ["client_left", "stream"]


def stream(
    chunks: Iterator[bytes],
    *,
    content_type: str,
    filename: str = "",
    on_close: Callable[[], None] | None = None,
) -> StreamingHttpResponse:
    """Stream an answer whose first chunk has been made: a failure until then is a problem.

    `on_close` is called when the answer is finished or the client has left.
    """
    first = list(_take_one(chunks))
    closers = [getattr(chunks, "close", None), on_close]
    response = StreamingHttpResponse(
        _Closing(chain(first, chunks), *(closer for closer in closers if closer)),
        content_type=content_type,
    )
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold rows back
    response.headers["Cache-Control"] = "no-store"
    if filename:
        response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def client_left(request: HttpRequest) -> Callable[[], bool]:
    """Return a cheap question: has the client closed its connection?

    A WSGI server notices only when it writes. gunicorn hands the connection over in the environ,
    and a readable connection with nothing to read has been closed from the other side.
    """
    sock = getattr(request, "environ", {}).get("gunicorn.socket")
    if not isinstance(sock, socket.socket):
        return lambda: False

    def left() -> bool:
        with suppress(OSError, ValueError):
            readable, _, _ = select.select([sock], [], [], 0)
            return bool(readable) and sock.recv(1, socket.MSG_PEEK) == b""
        return True

    return left


def _take_one(chunks: Iterator[bytes]) -> Iterator[bytes]:
    with suppress(StopIteration):
        yield next(chunks)


class _Closing:
    """Chunks that are closed exactly once, even if nobody ever asked for the first."""

    def __init__(self, chunks: Iterator[bytes], *closers: Callable[[], None]) -> None:
        self._chunks = chunks
        self._closers = list(closers)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:  # the end, too: StopIteration
            self.close()
            raise

    def close(self) -> None:
        """Let go of all; Django calls it when the answer is finished or the client has left."""
        while self._closers:
            self._closers.pop(0)()
