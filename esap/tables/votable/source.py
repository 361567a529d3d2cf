"""The bytes of an answer as UTF-8, whatever they were packed or encoded in."""

import codecs
import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain

from esap.errors import TooLarge, UnreadableAnswer

__all__ = ["utf8"]

GZIP = b"\x1f\x8b"
PIECE = 1 << 18
# Deflate packs at most 1032 to 1; VOTables that we have seen pack 3 to 40 to 1.
HONEST_RATIO, HONEST_BYTES = 200, 1 << 25

DECLARATION = re.compile(r"<\?xml\b[^>]*\?>")
ENCODING = re.compile(r"\bencoding\s*=\s*[\"']([\w.:-]+)[\"']")
UTF8_NAMES = {"utf-8", "ascii"}
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0?\0": "utf-16-le",
    b"\0<\0?": "utf-16-be",
}


def utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The answer unpacked, and transcoded if it is not UTF-8; its XML declaration is then gone."""
    pieces = _unpacked(chunks)
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= 4 and (b"?>" in head or b"?\0>\0" in head or len(head) >= 1024):  # noqa: PLR2004 -- the longest mark
            break
    whole = chain([head] if head else [], pieces)
    encoding = _encoding(head)
    return whole if encoding is None else _transcoded(whole, encoding)


def _unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source = (chunk for chunk in chunks if chunk)
    start = b""
    for chunk in source:
        start += chunk
        if len(start) >= len(GZIP):
            break
    whole = chain([start] if start else [], source)
    return _gunzipped(whole) if start.startswith(GZIP) else whole


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Unpack piece by piece, members one after another (RFC 1952, section 2.2)."""
    taken = given = 0
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            taken += len(chunk)
            rest = chunk
            while rest:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
                piece = unpacker.decompress(rest, PIECE)
                rest = unpacker.unconsumed_tail or unpacker.unused_data
                given += len(piece)
                if given > HONEST_BYTES + HONEST_RATIO * taken:
                    raise TooLarge(
                        "The answer unpacks to far more than a table would; it is refused."
                    )
                if piece:
                    yield piece
    except zlib.error as error:
        raise UnreadableAnswer(
            "The answer says it is packed with gzip, but cannot be unpacked."
        ) from error
    if not unpacker.eof:
        raise UnreadableAnswer(
            "The answer is cut off: its gzip data have no end. Ask again, or for fewer rows."
        )


def _encoding(head: bytes) -> str | None:
    """The encoding to decode with, or None for plain UTF-8 (XML 1.0, appendix F)."""
    for mark, encoding in MARKS.items():
        if head.startswith(mark):
            return encoding
    declaration = DECLARATION.match(head[:1024].decode("latin-1"))
    declared = ENCODING.search(declaration[0]) if declaration else None
    if declared is None:
        return None
    try:
        "".encode(declared[1])  # refuses codecs that are not of text, such as zlib
        name = codecs.lookup(declared[1]).name
    except LookupError as error:
        raise UnreadableAnswer(f"The answer is in an unknown encoding, {declared[1]}.") from error
    # What can be read so far is not of two bytes each, whatever it says (as .NET's writers do).
    return None if name in UTF8_NAMES or name.startswith(("utf-16", "utf-32")) else name


def _transcoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    text = ""
    begun = False
    try:
        for chunk in chunks:
            text += decoder.decode(chunk)
            if not begun and "?>" not in text and len(text) < 1024:  # noqa: PLR2004 -- a declaration is shorter
                continue
            yield (text if begun else DECLARATION.sub("", text, count=1)).encode()
            begun, text = True, ""
        text += decoder.decode(b"", final=True)
        yield (text if begun else DECLARATION.sub("", text, count=1)).encode()
    except UnicodeError as error:
        raise UnreadableAnswer(f"The answer says it is in {encoding}, but is not.") from error
