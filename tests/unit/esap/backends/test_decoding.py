"""Compressed bodies, a bounded piece at a time."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esap.backends.decoding import inflater_for


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


def inflate(packed: bytes, encoding: str, *, give: int, take: int):
    inflater = inflater_for(encoding)
    pieces = []
    for start in range(0, len(packed), give):
        inflater.give(packed[start : start + give])
        while piece := inflater.take(take):
            assert len(piece) <= take
            pieces.append(piece)
    return b"".join(pieces), inflater.finished


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)],
    ids=["gzip", "zlib", "raw"],
)
@given(
    data=st.one_of(st.binary(max_size=3000), st.integers(0, 300_000).map(bytes)),
    give=st.integers(1, 5000),
    take=st.integers(1, 5000),
)
def test_whatever_the_pieces_the_data_come_back(encoding, pack, data, give, take):
    take = max(take, len(data) // 1000 + 1)

    assert inflate(pack(data), encoding, give=give, take=take) == (data, True)


def test_output_that_waits_inside_zlib_is_not_lost():
    packed = raw_deflate(bytes(1000))

    assert inflate(packed, "deflate", give=len(packed), take=1) == (bytes(1000), True)


@given(data=st.binary(min_size=1, max_size=2000), cut=st.integers(1, 2000))
def test_a_stream_that_stops_short_is_not_finished(data, cut):
    packed = gzip.compress(data)
    packed = packed[: max(1, len(packed) - cut)]

    _, finished = inflate(packed, "gzip", give=100, take=100)

    assert not finished


def test_joined_gzip_files_are_one():
    packed = gzip.compress(b"one, ") + gzip.compress(b"two")

    assert inflate(packed, "gzip", give=7, take=100) == (b"one, two", True)


def test_padding_behind_the_end_is_ignored():
    assert inflate(gzip.compress(b"data") + bytes(8), "gzip", give=9, take=9) == (b"data", True)


def test_nothing_at_all_is_finished():
    assert inflate(b"", "gzip", give=1, take=1) == (b"", True)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_what_is_not_compressed_needs_nothing(encoding):
    assert inflater_for(encoding) is None


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip"])
def test_what_nobody_asked_for_is_refused(encoding):
    with pytest.raises(ValueError, match=encoding):
        inflater_for(encoding)
