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
    response = StreamingHttpResponse(
        _closing(chain(first, chunks), chunks, on_close), content_type=content_type
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


def _closing(
    chunks: Iterator[bytes], source: Iterator[bytes], on_close: Callable[[], None] | None
) -> Iterator[bytes]:
    try:
        yield from chunks
    finally:
        close = getattr(source, "close", None)
        if close is not None:
            close()
        if on_close is not None:
            on_close()
