"""Files come to a storage whole, or not at all, whatever the storage does."""

import io
import zlib
from dataclasses import dataclass, field

import orjson
import pytest

from esap.backends.http import open_session
from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendRefused,
    BackendUnavailable,
    InvalidRequest,
)
from rucio_app.backends.rucio import RucioConfig, RucioLake
from rucio_app.backends.values import Item
from rucio_app.backends.writing import Measured
from tests.support.fakes.http import CLOSE, FakePeer, message

DATA = b"0123456789" * 100_000
PLACE = "/storage/a/b"


@dataclass
class Storage:
    """A storage over WebDAV, with one fault at most."""

    fault: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, heard):
        if self.fault == f"refuses {heard.method}":
            return [message(status="403 Forbidden")]
        return getattr(self, heard.method.lower())(heard)

    def put(self, heard):
        half = self.fault in {"truncates", "keeps half"}
        self.files[heard.target] = heard.body[: len(heard.body) // 2] if half else heard.body
        if self.fault == "breaks off":
            return [CLOSE]
        if self.fault == "redirects":
            return [message(status="307 Temporary Redirect", Location="http://elsewhere.example/")]
        return [message(status="201 Created")]

    def head(self, heard):
        if heard.target not in self.files:
            return [message(status="404 Not Found")]
        data = self.files[heard.target]
        checksum = zlib.adler32(b"other" if self.fault == "garbles" else data)
        size = str(len(data))
        return [message(Content_Length=size, Digest=f"adler32={checksum:x}")]

    def move(self, heard):
        target = "/" + heard.headers["destination"].split("/", 3)[3]
        if target in self.files and heard.headers["overwrite"] == "F":
            return [message(status="412 Precondition Failed")]
        if self.fault == "breaks off before":
            return [CLOSE]
        self.files[target] = self.files.pop(heard.target)
        if self.fault == "breaks off after":
            return [CLOSE]
        return [message(status="201 Created")]

    def delete(self, heard):
        if self.fault == "keeps half":
            return [message(status="403 Forbidden")]
        there = self.files.pop(heard.target, None)
        return [message(status="404 Not Found" if there is None else "204 No Content")]


def lake_at(peer):
    config = RucioConfig(
        id="lake", type="rucio", title="The lake", url=peer.origin, private_network=True
    )
    return RucioLake(config, open_session(config))


def write(storage):
    """Write a file; return what the storage heard, and the file as it was measured."""
    with FakePeer(storage) as peer:
        file = Measured(io.BytesIO(DATA), len(DATA))
        try:
            lake_at(peer).write(f"{peer.origin}{PLACE}", file, "secret")
        finally:
            storage.heard = peer.heard
    return peer.heard, file


def test_a_file_is_written_beside_its_place_and_then_moved_there():
    storage = Storage()

    heard, _ = write(storage)

    assert [call.method for call in heard] == ["PUT", "HEAD", "MOVE"]
    assert heard[0].target.startswith(f"{PLACE}.esap-")
    assert storage.files == {PLACE: DATA}


def test_a_file_is_streamed_with_its_size_and_the_users_token():
    heard, _ = write(Storage())

    assert heard[0].headers["content-length"] == str(len(DATA))
    assert {call.headers["authorization"] for call in heard} == {"Bearer secret"}


def test_checksums_are_those_of_what_was_sent():
    _, file = write(Storage())

    described = file.described(Item("user.alice", "a"))
    assert described.adler32 == f"{zlib.adler32(DATA):08x}"
    assert described.md5 == "174ac9a4f023a557a68ab0417355970e"


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("truncates", BackendFailed, "has 500000 of 1000000 bytes"),
        ("garbles", BackendFailed, "has other bytes than were sent"),
        ("redirects", BackendFailed, "wants this done elsewhere"),
        ("breaks off", BackendFailed, None),
        ("breaks off before", BackendFailed, None),
        ("refuses PUT", BackendRefused, None),
        ("refuses HEAD", BackendRefused, None),
        ("refuses MOVE", BackendRefused, None),
    ],
)
def test_a_storage_that_does_not_take_it_whole_is_left_empty(fault, error, says):
    storage = Storage(fault)

    with pytest.raises(error, match=says):
        write(storage)

    assert storage.files == {}
    assert storage.heard[-1].method == "DELETE"


def test_a_move_whose_answer_is_lost_has_been_made():
    storage = Storage("breaks off after")

    write(storage)

    assert storage.files == {PLACE: DATA}


def test_what_cannot_be_removed_is_told():
    storage = Storage("keeps half")

    with pytest.raises(BackendFailed, match=r"500000 of .* What was written .* not be removed"):
        write(storage)


def test_a_file_that_is_there_is_never_touched():
    storage = Storage(files={PLACE: b"of others"})

    with pytest.raises(AlreadyExists, match="has a file already"):
        write(storage)

    assert storage.files == {PLACE: b"of others"}


def protocol(scheme, priority):
    return {"scheme": scheme, "domains": {"wan": {"write": priority}}}


def place_for(element):
    """Return the scheme that Rucio is asked for, once it told of an element."""

    def rucio(heard):
        if "lfns2pfns" in heard.target:
            scheme = heard.target.split("scheme=")[1].split("&")[0]
            return [message(orjson.dumps({"s:n": f"{scheme}://there/n"}))]
        return [message(orjson.dumps(element))]

    with FakePeer(rucio) as peer:
        return lake_at(peer).place_for(Item("s", "n"), "A", "token")


OPEN = {"deterministic": True, "availability_write": True}


@pytest.mark.parametrize(
    ("protocols", "place"),
    [
        ([protocol("root", 1), protocol("https", 3)], "https://there/n"),
        ([protocol("https", 2), protocol("davs", 1)], "davs://there/n"),
        ([protocol("https", 0), protocol("davs", 4)], "davs://there/n"),
    ],
)
def test_a_file_goes_by_the_first_protocol_of_http_that_writes(protocols, place):
    assert place_for({**OPEN, "protocols": protocols}) == place


@pytest.mark.parametrize(
    "element",
    [
        {**OPEN, "protocols": [protocol("root", 1)]},
        {**OPEN, "protocols": [protocol("https", 0)]},
        {**OPEN, "protocols": [protocol("https", None)]},
        {**OPEN, "protocols": [{"scheme": "https"}]},
        {**OPEN, "protocols": []},
        {**OPEN, "protocols": [protocol("https", 1)], "availability_write": False},
        {**OPEN, "protocols": [protocol("https", 1)], "deterministic": False},
    ],
)
def test_an_element_that_takes_no_writes_by_http_is_refused(element):
    with pytest.raises(InvalidRequest, match="takes no files over HTTP"):
        place_for(element)


def test_a_storage_that_is_away_does_not_close_the_lake():
    with FakePeer(lambda heard: [message(b"{}")]) as peer:
        lake = lake_at(peer)
        for _ in range(6):
            with pytest.raises(BackendUnavailable):
                lake.open("http://127.0.0.1:9/storage/file", "")

        lake.ping()

        assert lake.http.breaker.state == "closed"
