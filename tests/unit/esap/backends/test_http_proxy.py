"""Behind an outbound proxy, all goes through it but the operator's private peers."""

import socket
import threading

import pytest

from esap.backends import transport
from esap.backends.deadline import within
from esap.errors import BackendTimedOut, BackendUnavailable, ForbiddenAddress
from tests.support.fakes.http import CLOSE, FakeProxy, answer, black_hole, certificate, message

PUBLIC = {"private_network": False}


@pytest.fixture
def proxy():
    def script(heard):
        return [CLOSE] if heard.method == "CONNECT" else [message(b"by proxy")]

    with FakeProxy(script) as running:
        yield running


@pytest.fixture
def open_world(monkeypatch):
    monkeypatch.setattr(transport, "is_public", lambda ip: True)


def test_http_goes_through_it(session_for, proxy):
    session = session_for("http://vo.invalid/", proxy=proxy.url, **PUBLIC)

    assert session.get("http://vo.invalid/sync").text == "by proxy"

    assert proxy.heard[0].target == "http://vo.invalid/sync"


def test_https_goes_through_it_and_is_verified(serve, session_for, proxy, open_world, tmp_path):
    tls, authority = certificate(tmp_path, "127.0.0.1")
    peer = serve(answer(b"rows"), tls=tls)
    session = session_for(peer, proxy=proxy.url, ca_bundle=authority, **PUBLIC)

    assert session.get(peer.url).text == session.get(peer.url).text == "rows"

    assert [heard.method for heard in proxy.heard] == ["CONNECT"]


def test_its_password_reaches_the_proxy_only(serve, session_for, proxy, open_world, tmp_path):
    tls, authority = certificate(tmp_path, "127.0.0.1")
    peer = serve(answer(b"rows"), tls=tls)
    secret_url = proxy.url.replace("//", "//me:secret@")
    session = session_for(peer, proxy=secret_url, ca_bundle=authority, **PUBLIC)

    session.get(peer.url)

    assert proxy.heard[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert "proxy-authorization" not in peer.heard[0].headers


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "localhost", "2130706433", "[::1]"])
def test_what_it_would_resolve_to_a_private_address_is_not_sent(session_for, proxy, host):
    session = session_for("http://vo.invalid/", proxy=proxy.url, **PUBLIC)

    with pytest.raises(ForbiddenAddress):
        session.get(f"http://{host}/")

    assert proxy.heard == []


def test_a_private_peer_is_reached_without_it(serve, session_for, proxy):
    peer = serve(answer(b"rows"))
    session = session_for(peer, proxy=proxy.url)

    assert session.get(peer.url).text == "rows"

    assert proxy.heard == []


def test_a_proxy_that_is_away_is_named(session_for):
    session = session_for("http://vo.invalid/", proxy="http://127.0.0.1:1/", **PUBLIC)

    with pytest.raises(BackendUnavailable, match="the outbound proxy does not accept connections"):
        session.get("http://vo.invalid/")


def test_a_proxy_that_refuses_is_named(session_for, serve):
    proxy = serve(answer(status="403 Forbidden"))
    session = session_for("https://vo.invalid/", proxy=proxy.url, **PUBLIC)

    with pytest.raises(BackendUnavailable, match="the outbound proxy does not let us through"):
        session.get("https://vo.invalid/")


def test_a_look_up_that_hangs_delays_the_first_call_only(session_for, proxy, monkeypatch, takes):
    over = threading.Event()
    real = socket.getaddrinfo

    def resolve(host, port, *hints):
        if socket.AI_NUMERICHOST not in hints:
            over.wait(10)
        return real(host, port, *hints)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr("esap.backends.proxy._PATIENCE", 0.2)
    session = session_for("http://vo.invalid/", proxy=proxy.url, **PUBLIC)

    with takes(0.2):
        assert session.get("http://vo.invalid/").text == "by proxy"
    with takes(0):
        assert session.get("http://vo.invalid/").text == "by proxy"
    over.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_hangs_does_not_pass_the_deadline(session_for, serve, takes, scheme):
    proxy = serve(black_hole)
    session = session_for(f"{scheme}://vo.invalid/", proxy=proxy.url, **PUBLIC)

    with takes(0.4), within(0.4), pytest.raises(BackendTimedOut):
        session.get(f"{scheme}://vo.invalid/")
