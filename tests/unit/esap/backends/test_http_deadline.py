"""A call ends at its deadline, or when it is cancelled, wherever it is."""

import gzip
import socket
import threading
import time

import pytest

from esap.backends.deadline import within
from esap.errors import BackendTimedOut, BackendUnavailable, Cancelled
from tests.support.fakes.http import (
    answer,
    black_hole,
    by_path,
    certificate,
    drip,
    message,
    redirect,
)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("esap.backends.retries._FIRST_PAUSE", 0.01)


def slow_to_compress(heard):
    packed = gzip.compress(bytes(range(256)) * 100)
    yield message(Content_Length="", Content_Encoding="gzip")
    for index in range(len(packed)):
        yield packed[index : index + 1]
        yield 0.05


def slow_chunks(heard):
    yield message(Content_Length="", Transfer_Encoding="chunked")
    while True:
        yield b"1\r\nx\r\n"
        yield 0.05


def endless_chunk_size(heard):
    yield message(Content_Length="", Transfer_Encoding="chunked")
    while True:
        yield b"0"
        yield 0.01


LATE = {
    "black hole": black_hole,
    "dripping header": drip(headers=True),
    "dripping body": drip(),
    "dripping gzip": slow_to_compress,
    "dripping chunks": slow_chunks,
    "dripping chunk size": endless_chunk_size,
    "redirects that never end in time": lambda heard: [
        0.15,
        message(status="302 Found", Location="/next"),
    ],
    "dripping redirect": lambda heard: [
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 10\r\n\r\n",
        *[b"x", 0.1] * 100,
    ],
    "503 again and again": lambda heard: [0.3, message(status="503 Busy")],
}


@pytest.mark.parametrize("script", LATE.values(), ids=LATE.keys())
def test_a_call_ends_at_the_scope_around_it(talk, takes, script):
    peer, session = talk(script)

    with takes(0.5), within(0.5), pytest.raises(BackendTimedOut) as late:
        session.get(peer.url)

    assert late.value.detail.startswith("Fake Archive had ")
    assert "when the 0.5 s it was allowed were over" in late.value.detail
    assert late.value.extensions["peer"] == "fake"


@pytest.mark.parametrize("script", [black_hole, drip()], ids=["black hole", "drip"])
def test_without_a_scope_it_ends_at_the_entrys_timeout(talk, takes, script):
    peer, session = talk(script, timeout=0.4)

    with takes(0.4), pytest.raises(BackendTimedOut):
        session.get(peer.url)


def test_a_scope_without_a_deadline_leaves_the_entrys_timeout(talk, takes):
    peer, session = talk(black_hole, timeout=0.4)

    with takes(0.4), within(None), pytest.raises(BackendTimedOut):
        session.get(peer.url)


def test_a_scope_may_allow_more_than_the_entrys_timeout(talk):
    peer, session = talk(lambda heard: [0.5, message(b"late")], timeout=0.1)

    with within(5):
        assert session.get(peer.url).text == "late"


def test_a_call_may_have_less_time_than_its_scope(talk, takes):
    peer, session = talk(black_hole)

    with takes(0.3), within(5), pytest.raises(BackendTimedOut):
        session.get(peer.url, timeout=0.3)


def test_a_body_that_is_streamed_ends_in_time_too(talk, takes):
    peer, session = talk(drip(b"row"))
    received = []

    with takes(0.5), within(0.5):
        response = session.get(peer.url, stream=True)
        with pytest.raises(BackendTimedOut, match=r"had sent \d+ bytes when the 0.5 s"):
            received.extend(session.chunks(response))

    assert received[0].startswith(b"row")


def test_pieces_come_as_soon_as_the_peer_sends_them(talk):
    peer, session = talk(lambda heard: [message(Content_Length="8"), b"soon", 0.5, b"late"])
    begun = time.monotonic()

    first = next(session.chunks(session.get(peer.url, stream=True)))

    assert first == b"soon"
    assert time.monotonic() - begun < 0.45


def test_a_connection_used_before_ends_in_time(talk, takes):
    peer, session = talk(by_path(quick=answer(b"quick"), slow=drip()))
    assert session.get(peer.url + "quick").text == "quick"

    with takes(0.4), within(0.4), pytest.raises(BackendTimedOut):
        session.get(peer.url + "slow")

    assert peer.connections == 1


@pytest.fixture
def silent():
    """Return the port of a listener that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_tls_handshake_ends_in_time(session_for, takes, silent):
    session = session_for(f"https://127.0.0.1:{silent}/")

    with takes(0.4), within(0.4), pytest.raises(BackendTimedOut):
        session.get(session.config.base_url)


def test_a_cancelled_tls_handshake_ends_at_once(session_for, takes, silent):
    session = session_for(f"https://127.0.0.1:{silent}/")

    with takes(0.2, within=0.1), within(30) as scope:
        threading.Timer(0.2, scope.cancel).start()
        with pytest.raises(Cancelled):
            session.get(session.config.base_url)


def test_a_body_over_tls_ends_in_time(serve, session_for, takes, tmp_path):
    tls, authority = certificate(tmp_path, "127.0.0.1")
    peer = serve(drip(), tls=tls)
    session = session_for(peer, ca_bundle=authority)

    with takes(0.5), within(0.5), pytest.raises(BackendTimedOut, match="had sent"):
        session.get(peer.url)


def test_connecting_ends_in_time(session_for, takes):
    # A listener whose queue is full: Linux drops the next SYN.
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        session = session_for(f"http://127.0.0.1:{listener.getsockname()[1]}/")

        with takes(0.4), within(0.4), pytest.raises(BackendTimedOut):
            session.get(session.config.base_url)


def test_sending_a_large_form_ends_in_time(session_for, takes, silent):
    session = session_for(f"http://127.0.0.1:{silent}/")

    with takes(0.5), within(0.5), pytest.raises(BackendTimedOut):
        session.post(session.config.base_url, data=bytes(50_000_000))


@pytest.fixture
def hanging_resolver(monkeypatch):
    """Let every name hang, and count the look-ups."""
    over = threading.Event()
    asked = []
    real = socket.getaddrinfo

    def resolve(host, port, *hints):
        if socket.AI_NUMERICHOST in hints:
            return real(host, port, *hints)
        asked.append(host)
        over.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield asked
    over.set()


def test_a_name_look_up_ends_in_time(session_for, takes, hanging_resolver):
    session = session_for("http://vo.example.org/")

    with takes(0.4), within(0.4), pytest.raises(BackendTimedOut):
        session.get("http://vo.example.org/")


def test_a_name_that_hangs_takes_one_thread_however_many_ask(session_for, hanging_resolver):
    session = session_for("http://vo.example.org/")

    def ask():
        with within(0.2), pytest.raises((BackendTimedOut, BackendUnavailable)):
            session.get("http://vo.example.org/")

    callers = [threading.Thread(target=ask) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert hanging_resolver == ["vo.example.org"]


WAITING = {
    "for an answer": black_hole,
    "for the body": drip(),
    "before a retry": answer(status="503 Busy", Retry_After="20"),
}


@pytest.mark.parametrize("script", WAITING.values(), ids=WAITING.keys())
def test_a_cancelled_call_ends_at_once(talk, takes, script):
    peer, session = talk(script)

    with takes(0.3, within=0.1), within(30) as scope:
        threading.Timer(0.3, scope.cancel).start()
        with pytest.raises(Cancelled, match="The call to Fake Archive was stopped"):
            session.get(peer.url)


def test_a_cancelled_look_up_ends_at_once(session_for, takes, hanging_resolver):
    session = session_for("http://vo.example.org/")

    with takes(0.2, within=0.1), within(30) as scope:
        threading.Timer(0.2, scope.cancel).start()
        with pytest.raises(Cancelled):
            session.get("http://vo.example.org/")


def test_a_cancelled_connect_ends_at_once(session_for, takes):
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        session = session_for(f"http://127.0.0.1:{listener.getsockname()[1]}/")

        with takes(0.2, within=0.1), within(30) as scope:
            threading.Timer(0.2, scope.cancel).start()
            with pytest.raises(Cancelled):
                session.get(session.config.base_url)


def test_cancelling_ends_the_calls_of_all_threads(talk, takes):
    peer, session = talk(drip())
    ended = []

    def call(parent):
        with within(None, parent), pytest.raises(Cancelled):
            session.get(peer.url)
        ended.append(True)

    with takes(0.3), within(30) as scope:
        callers = [threading.Thread(target=call, args=[scope]) for _ in range(8)]
        for caller in callers:
            caller.start()
        time.sleep(0.3)
        scope.cancel()
        for caller in callers:
            caller.join()

    assert len(ended) == 8


def test_a_cancelled_calls_connection_is_closed_and_not_used_again(talk):
    peer, session = talk(by_path(slow=drip(), quick=answer(b"quick")))
    with within(0.2), pytest.raises(BackendTimedOut):
        session.get(peer.url + "slow")

    assert session.get(peer.url + "quick").text == "quick"

    assert peer.connections == 2


def test_the_end_of_a_scope_does_not_touch_connections_given_back(talk):
    peer, session = talk(answer(b"rows"))
    with within(30) as scope:
        session.get(peer.url)
    scope.cancel()

    assert session.get(peer.url).text == "rows"

    assert peer.connections == 1


def test_a_cancelled_scope_sends_nothing(talk):
    peer, session = talk(answer())

    with within(30) as scope:
        scope.cancel()
        with pytest.raises(Cancelled):
            session.get(peer.url)

    assert peer.heard == []


def test_redirect_hops_share_the_deadline_of_their_call(talk, takes):
    peer, session = talk(by_path(root=redirect("/slow"), slow=black_hole))

    with takes(0.4), pytest.raises(BackendTimedOut):
        session.get(peer.url, timeout=0.4)


def test_a_call_that_ends_just_as_it_connects_leaves_no_socket_open(talk, monkeypatch):
    connected = []

    class Slow(socket.socket):
        def connect(self, address):
            super().connect(address)
            connected.append(self)
            time.sleep(0.3)

    monkeypatch.setattr(socket, "socket", Slow)
    peer, session = talk(answer(b"rows"))

    with pytest.raises(BackendTimedOut), within(0.2):
        session.get(peer.url)

    assert [sock.fileno() for sock in connected] == [-1]
