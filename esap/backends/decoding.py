"""Compressed bodies, a bounded piece at a time.

urllib3 decodes too, but does not notice a gzip stream that stops short.
"""

import zlib

__all__ = ["ACCEPTED", "Inflater", "inflater_for"]

ACCEPTED = "gzip, deflate"

_GZIP_MAGIC = b"\x1f\x8b"
_HEAD = 2  # bytes by which formats are told apart


class Inflater:
    """Undoes gzip (RFC 1952) and deflate (RFC 9110, section 8.4.1.2)."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._input = b""
        self._stream: zlib._Decompress | None = None
        self._more = False  # the stream holds output that did not fit

    @property
    def finished(self) -> bool:
        """Whether the end of the stream was seen, or nothing at all."""
        return not self._input and (self._stream is None or self._stream.eof)

    def give(self, data: bytes) -> None:
        """Take in compressed bytes."""
        self._input += data

    def take(self, most: int) -> bytes:
        """Return up to `most` bytes; none if more input is needed. Raises `zlib.error`."""
        while self._input or self._more:
            if self._stream is None:
                if len(self._input) < _HEAD:
                    return b""
                self._stream = self._start()
            elif self._stream.eof:
                # gzip files may be joined; anything else behind the end is padding.
                if not self._input.startswith(_GZIP_MAGIC[: len(self._input)]) or not self._gzip:
                    self._input = b""
                    return b""
                self._stream = self._start()
            piece = self._stream.decompress(self._input, most)
            self._input = self._stream.unconsumed_tail or self._stream.unused_data
            self._more = len(piece) == most and not self._stream.eof
            if piece:
                return piece
        return b""

    def _start(self) -> "zlib._Decompress":
        if self._gzip:
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        # "deflate" means the zlib format, but some servers send it without zlib's two-byte header.
        head = int.from_bytes(self._input[:2], "big")
        wrapped = head >> 8 & 0x0F == zlib.DEFLATED and head % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def inflater_for(encoding: str) -> Inflater | None:
    """Return what undoes a Content-Encoding; None if nothing needs to be; raise `ValueError`."""
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Inflater(gzip=True)
        case "deflate":
            return Inflater(gzip=False)
        case other:
            raise ValueError(other)
