"""A body is read to its true end, within its bounds, or not at all."""

import gzip
import io
import os
import random
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from esap.backends.deadline import within
from esap.errors import TooLarge, UnreadableAnswer
from tests.support.fakes.http import CLOSE, answer, bomb, by_path, chunked, message, truncated

ROWS = b"row\n" * 5000
NO_LENGTH = {"Content_Length": ""}


def until_close(body, **headers):
    return lambda heard: [message(body, **NO_LENGTH, **headers), CLOSE]


WHOLE = {
    "length": answer(ROWS),
    "until close": until_close(ROWS),
    "chunks": chunked(ROWS[:7], ROWS[7:10_000], ROWS[10_000:]),
    "gzip": answer(gzip.compress(ROWS), Content_Encoding="gzip"),
    "x-gzip": answer(gzip.compress(ROWS), Content_Encoding="x-gzip"),
    "gzip, chunks": chunked(
        gzip.compress(ROWS)[:5], gzip.compress(ROWS)[5:], Content_Encoding="gzip"
    ),
    "deflate": answer(zlib.compress(ROWS), Content_Encoding="deflate"),
    "raw deflate": answer(zlib.compress(ROWS)[2:-4], Content_Encoding="deflate"),
    "identity": answer(ROWS, Content_Encoding="identity"),
}


@pytest.mark.parametrize("script", WHOLE.values(), ids=WHOLE.keys())
def test_a_whole_body_is_read_in_each_way(talk, script):
    peer, session = talk(script)

    def get():
        return session.get(peer.url, stream=True)

    assert session.get(peer.url).content == ROWS
    assert b"".join(session.chunks(get())) == ROWS
    assert b"".join(get().iter_content(1000)) == ROWS
    assert b"\n".join(get().iter_lines()) + b"\n" == ROWS
    assert get().raw.read() == ROWS
    for size in (1, 10, 9999):
        with get() as response:
            assert response.raw.read(size) == ROWS[:size]
    assert io.BufferedReader(get().raw).read() == ROWS


def test_the_bytes_on_the_wire_are_there_for_who_asks(talk):
    packed = gzip.compress(ROWS)
    peer, session = talk(answer(packed, Content_Encoding="gzip"))

    assert session.get(peer.url, stream=True).raw.read(decode_content=False) == packed


def test_we_ask_only_for_what_we_can_undo(talk):
    peer, session = talk(answer())

    session.get(peer.url)

    assert peer.heard[0].headers["accept-encoding"] == "gzip, deflate"


PACKED = gzip.compress(random.Random(1).randbytes(3000))
BROKEN = {
    "fewer bytes than promised": truncated(ROWS, says=len(ROWS) + 1),
    "no bytes at all": truncated(b"", says=10),
    "a chunk cut short": chunked(ROWS, end=b"ff\r\nonly this"),
    "the last chunk missing": chunked(ROWS, end=b""),
    "a chunk size that is none": chunked(ROWS, end=b"rows\r\n"),
    "gzip cut short, with its length": answer(PACKED[:-9], Content_Encoding="gzip"),
    "gzip cut short, until close": until_close(PACKED[:-9], Content_Encoding="gzip"),
    "gzip without its checksum": answer(PACKED[:-8], Content_Encoding="gzip"),
    "gzip with a wrong checksum": answer(PACKED[:-8] + bytes(8), Content_Encoding="gzip"),
    "gzip that is none": answer(b"<VOTABLE/>", Content_Encoding="gzip"),
    "an encoding nobody asked for": answer(b"x", Content_Encoding="br"),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_body_is_never_silently_short(talk, script):
    peer, session = talk(script)

    with pytest.raises(UnreadableAnswer, match="Fake Archive") as broken:
        session.get(peer.url)
    with pytest.raises(UnreadableAnswer):
        list(session.chunks(session.get(peer.url, stream=True)))

    assert broken.value.extensions["peer"] == "fake"


def test_it_says_how_much_is_missing(talk):
    peer, session = talk(truncated(b"x" * 70, says=100))

    with pytest.raises(UnreadableAnswer) as broken:
        session.get(peer.url)

    assert broken.value.detail == (
        "The answer of Fake Archive broke off after 70 bytes, 30 bytes before its end. Try again."
    )


def test_what_came_before_the_break_can_be_read_and_then_it_is_told_each_time(talk):
    peer, session = talk(truncated(b"x" * 70, says=100))
    raw = session.get(peer.url, stream=True).raw

    assert raw.read1(100) == b"x" * 70
    for _ in range(2):
        with pytest.raises(UnreadableAnswer):
            raw.read1(100)


def test_bytes_beyond_the_length_are_not_read(talk):
    peer, session = talk(lambda heard: [message(b"rows") + b" and more", CLOSE])

    assert session.get(peer.url).text == "rows"


def test_an_answer_announced_too_large_is_refused_unread(talk):
    peer, session = talk(lambda heard: [message(Content_Length="1000001"), 60.0], max_bytes=1000000)

    with pytest.raises(TooLarge, match="larger than the 1000000 bytes the gateway takes"):
        session.get(peer.url, stream=True)


@pytest.mark.parametrize("script", [until_close(ROWS), chunked(ROWS)], ids=["close", "chunks"])
def test_an_answer_that_grows_too_large_is_refused(talk, script):
    peer, session = talk(script, max_bytes=len(ROWS) - 1)

    with pytest.raises(TooLarge):
        session.get(peer.url)


def test_an_answer_as_large_as_allowed_is_taken(talk):
    peer, session = talk(answer(ROWS), max_bytes=len(ROWS))

    assert session.get(peer.url).content == ROWS


def test_the_bound_holds_after_decompression(talk):
    peer, session = talk(bomb(4), max_bytes=1 << 20)

    with pytest.raises(TooLarge):
        session.get(peer.url)


def test_a_bomb_does_not_fill_the_memory(serve):
    """1 GB of zeros in 1 MB, streamed by a process that may have little memory above its own."""
    peer = serve(bomb(1024))
    code = """
import resource, sys
from esap.backends.base import BackendConfig
from esap.backends.http import open_session
from esap.backends.deadline import within
from esap.errors import TooLarge
url = sys.argv[1]
config = BackendConfig(id="x", type="tap", title="X", url=url, private_network=True,
                       max_bytes=1 << 29)
session = open_session(config)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    for piece in session.chunks(session.get(url, stream=True)):
        pass
except TooLarge:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, peer.url],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )

    assert int(done.stdout.splitlines()[-1]) < 8_000


def test_what_was_read_in_time_stays_read(talk):
    peer, session = talk(answer(ROWS))

    with within(0.2):
        raw = session.get(peer.url, stream=True).raw
        assert raw.read(len(ROWS)) == ROWS
    time.sleep(0.25)

    assert raw.read() == raw.read() == b""
    assert not raw.closed


def test_json_that_is_none_is_unreadable(talk):
    peer, session = talk(answer(b"<html>maintenance</html>", Content_Type="text/html"))

    with pytest.raises(UnreadableAnswer, match="something other than the JSON"):
        session.get(peer.url).json()


@pytest.mark.parametrize(
    "body",
    [b'{"rows": NaN}', b'{"rows": 1e999}', b'"\\ud83d"', b'"\xff"', b"[" * 100_000],
    ids=["NaN", "infinity", "half a character", "no UTF-8", "nested"],
)
def test_what_only_python_takes_for_json_is_unreadable(talk, body):
    peer, session = talk(answer(body, Content_Type="application/json"))

    with pytest.raises(UnreadableAnswer):
        session.get(peer.url).json()


def test_json_is_parsed(talk):
    peer, session = talk(answer(b'{"rows": 3}', Content_Type="application/json"))

    assert session.get(peer.url).json() == {"rows": 3}


def test_a_connection_read_to_its_end_is_used_again(talk):
    peer, session = talk(answer(ROWS))

    for _ in range(3):
        session.get(peer.url)

    assert peer.connections == 1


def test_a_connection_with_bytes_left_is_closed(talk):
    peer, session = talk(by_path(long=answer(bytes(5_000_000)), short=answer(b"short")))
    with session.get(peer.url + "long", stream=True) as response:
        response.raw.read(10)

    assert session.get(peer.url + "short").text == "short"

    assert peer.connections == 2


def test_who_stops_reading_chunks_closes_the_connection(talk):
    peer, session = talk(answer(bytes(5_000_000)))
    chunks = session.chunks(session.get(peer.url, stream=True))
    next(chunks)

    chunks.close()
    session.get(peer.url, stream=True).close()

    assert peer.connections == 2


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_is_whole(talk, status):
    peer, session = talk(answer(status=status, **NO_LENGTH))

    assert session.get(peer.url).content == b""
    assert session.get(peer.url).content == b""

    assert peer.connections == 1


def test_the_answer_to_head_has_no_body_whatever_length_it_names(talk):
    peer, session = talk(lambda heard: [message(Content_Length="5000")], max_bytes=1000)

    response = session.head(peer.url)

    assert response.headers["Content-Length"] == "5000"
    assert response.content == b""
