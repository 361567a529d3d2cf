"""The body of an answer, read to its true end or not at all."""

import zlib
from collections.abc import Iterator
from contextlib import suppress

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from esap.backends.call import Call
from esap.backends.decoding import Inflater, inflater_for
from esap.errors import EsapError, TooLarge, UnreadableAnswer

__all__ = ["Body"]

_PIECE = 1 << 16
_WORTH_READING = 1 << 16


class Body:
    """What `requests` and pyvo know as `response.raw`, a file to read.

    Every read ends with the call's deadline and knows the peer's limit of bytes, on the wire and
    after decompression; where bytes are missing it raises `UnreadableAnswer`. It ends the call.
    """

    def __init__(self, answer: BaseHTTPResponse, call: Call) -> None:
        self._answer = answer
        self._call = call
        self._last = True
        self._whole = False
        self._closed = False
        self._error: EsapError | None = None
        self._received = 0
        self._decoded = 0
        self._inflater = self._choose_inflater()
        announced = self._announced
        self._has_length = announced is not None
        if announced is not None and announced > call.limit:
            raise self._fail(self._too_large())

    @property
    def _announced(self) -> int | None:
        """The bytes still to come, if the peer said."""
        return getattr(self._answer, "length_remaining", None)

    def read(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: FBT001 - as urllib3 has it
    ) -> bytes:
        """Return exactly so many bytes, or all; fewer only at the end.

        They are decompressed unless `decode_content` is False.
        """
        if amt is not None and amt < 0:
            amt = None
        pieces: list[bytes] = []
        left = self._call.limit + 1 if amt is None else amt
        while left > 0:
            piece = self.read1(min(left, _PIECE) if amt is None else left, decode_content)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(
        self,
        amt: int = _PIECE,
        decode_content: bool | None = None,  # noqa: FBT001 - as urllib3 has it
    ) -> bytes:
        """Return up to so many bytes, as soon as there are any; none at the end."""
        if self._inflater is None or decode_content is False:
            return self._wire(amt)
        while True:
            try:
                piece = self._inflater.take(amt)
            except zlib.error as error:
                message = f"The answer of {self._call.title} is damaged: its compression is broken."
                raise self._fail(UnreadableAnswer(message)) from error
            if piece:
                self._decoded += len(piece)
                if self._decoded > self._call.limit:
                    raise self._fail(self._too_large())
                return piece
            data = self._wire(_PIECE)
            if data:
                self._inflater.give(data)
            elif self._inflater.finished:
                return b""
            else:
                message = f"The answer of {self._call.title} broke off: its compression has no end."
                raise self._fail(UnreadableAnswer(message))

    def readinto(self, buffer: bytearray | memoryview) -> int:
        """Fill a buffer, for `io.BufferedReader`."""
        piece = self.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def stream(
        self,
        amt: int | None = None,
        decode_content: bool | None = None,  # noqa: FBT001 - as urllib3 has it
    ) -> Iterator[bytes]:
        """Return the body in pieces of up to so many bytes."""
        while piece := self.read1(amt or _PIECE, decode_content):
            yield piece

    def readable(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        """Whether it was closed; at its end it is not, as files are."""
        return self._closed

    def close(self) -> None:
        """Read no more. A connection with bytes left in it is closed, not used again."""
        self._closed = True
        self._answer.close()
        self._answer.release_conn()
        if self._last:
            self._call.finish()

    def release_conn(self) -> None:
        """Give the connection back, as `requests` asks for after `close`."""
        self._answer.release_conn()

    def discard(self) -> None:
        """Let go of an answer that is not the last of its call, such as a redirect.

        A short rest is read, so that the connection can be used again. The call goes on.
        """
        self._last = False
        announced = self._announced
        if announced is not None and announced <= _WORTH_READING:
            with suppress(UnreadableAnswer):
                self.read(_WORTH_READING, decode_content=False)
        self._answer.close()
        self._answer.release_conn()

    def _wire(self, most: int) -> bytes:
        if self._error is not None:
            raise self._error
        if self._whole:
            return b""
        try:
            data = self._answer.read1(most)
            if not data and not self._has_length:
                # A socket that was shut at the deadline also looks like an end.
                self._call.check()
        except HTTPError as error:
            raise self._fail(self._call.explain_break(error, self._received)) from error
        except EsapError as error:
            raise self._fail(error) from None
        self._received += len(data)
        self._call.received += len(data)
        if self._received > self._call.limit:
            raise self._fail(self._too_large())
        if not data:
            self._whole = True
            if self._last:
                self._call.finish()
        return data

    def _fail(self, error: EsapError) -> EsapError:
        self._error = self._call.failed(error) if self._last else error
        self._answer.close()
        self._answer.release_conn()
        return self._error

    def _too_large(self) -> EsapError:
        return TooLarge(
            f"The answer of {self._call.title} is larger than the {self._call.limit} bytes the "
            "gateway takes from it. Ask for less."
        )

    def _choose_inflater(self) -> Inflater | None:
        try:
            return inflater_for(self._answer.headers.get("Content-Encoding", ""))
        except ValueError:
            raise self._fail(
                UnreadableAnswer(f"{self._call.title} answered in an encoding nobody asked for.")
            ) from None
