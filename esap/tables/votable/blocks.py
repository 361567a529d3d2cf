"""Small pieces of an answer joined into blocks worth a vectorised step."""

from collections.abc import Iterable, Iterator

__all__ = ["MAX_ROW", "grown"]

FIRST, MOST = 1 << 16, 1 << 19  # what fits in a processor's cache is replaced twice as fast
MAX_ROW = 1 << 24


def grown(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of at least 64 KB, doubling up to 512 KB, so that the first rows come soon."""
    wanted = FIRST
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= wanted:
            yield b"".join(parts)
            parts.clear()
            size = 0
            wanted = min(2 * wanted, MOST)
    if parts:
        yield b"".join(parts)
