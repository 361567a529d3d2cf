"""No URL leads the gateway to where it must not go."""

import socket

import pytest

from esap.backends import transport
from esap.errors import BackendUnavailable, ForbiddenAddress, InvalidRequest
from tests.support.fakes.http import answer, by_path, message, redirect


@pytest.fixture
def names(monkeypatch):
    """Let names resolve as the test says, and keep what was asked."""
    known: dict[str, list[str]] = {}
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host, port, *hints):
        if host not in known or socket.AI_NUMERICHOST in hints:
            return real(host, port, *hints)
        asked.append(host)
        return [found for ip in known[host] for found in real(ip, port, *hints)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    known["asked"] = asked
    return known


def test_a_private_peer_needs_the_operators_word(talk):
    peer, session = talk(answer(b"rows"), private_network=False)

    with pytest.raises(ForbiddenAddress) as refusal:
        session.get(peer.url)

    assert refusal.value.detail == (
        "Fake Archive leads to 127.0.0.1, which is not on the public internet. Where that is "
        "right, the operator says private_network: true in an entry for it."
    )
    assert peer.connections == 0


def test_with_it_the_entrys_own_host_may_be_private(talk):
    peer, session = talk(answer(b"rows"))

    assert session.get(peer.url).text == "rows"


@pytest.mark.parametrize("host", ["localhost", "localhost.", "127.0.0.2", "2130706433", "0x7f.1"])
def test_but_no_other_host(serve, session_for, names, host):
    names["localhost."] = ["127.0.0.1"]
    peer = serve(answer(b"secret"))
    session = session_for(peer)

    with pytest.raises(ForbiddenAddress):
        session.get(f"http://{host}:{peer.port}/")

    assert peer.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fc00::1]/",
    ],
)
def test_a_private_address_is_refused_in_each_disguise(session_for, url):
    session = session_for("https://vo.example.org/", private_network=False)

    with pytest.raises(ForbiddenAddress):
        session.get(url)


def test_a_zone_is_no_disguise(session_for):
    session = session_for("https://vo.example.org/", private_network=False)

    with pytest.raises((ForbiddenAddress, BackendUnavailable)):
        session.get("http://[fe80::1%25lo]/")


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "http://user:secret@127.0.0.1/", "http://h:0/", ""],
)
def test_a_url_that_cannot_be_right_is_refused(session_for, url):
    session = session_for("https://vo.example.org/", private_network=False)

    with pytest.raises(ForbiddenAddress) as refusal:
        session.get(url)

    assert "secret" not in refusal.value.detail


def test_one_private_address_among_the_public_refuses_the_name(session_for, names):
    names["vo.example.org"] = ["8.8.8.8", "127.0.0.1"]
    session = session_for("https://vo.example.org/", private_network=False)

    with pytest.raises(ForbiddenAddress, match=r"leads to vo\.example\.org"):
        session.get("https://vo.example.org/")


def test_the_connection_goes_to_the_address_that_was_checked(serve, session_for, names):
    """A name that answers differently the second time (DNS rebinding) gains nothing."""
    peer = serve(answer(b"rows"))
    names["vo.internal"] = ["127.0.0.1"]
    url = f"http://vo.internal:{peer.port}/"

    assert session_for(url).get(url).text == "rows"

    assert names["asked"] == ["vo.internal"]
    assert peer.heard[0].headers["host"] == f"vo.internal:{peer.port}"


def test_the_next_address_is_tried_when_one_does_not_accept(serve, session_for, names):
    peer = serve(answer(b"rows"))
    names["vo.internal"] = ["::1", "127.0.0.1"]
    url = f"http://vo.internal:{peer.port}/"

    assert session_for(url).get(url).text == "rows"


def test_an_ipv6_peer_is_reached(session_for, serve):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        url = f"http://[::1]:{listener.getsockname()[1]}/"
        session = session_for(url)
        listener.close()

        with pytest.raises(BackendUnavailable, match="does not accept connections"):
            session.get(url)


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/", "http://10.0.0.1/", "http://[::1]:{port}/", "//127.1/"]
)
def test_a_redirect_does_not_lead_a_private_peer_to_its_neighbours(talk, target):
    peer, session = talk(
        lambda heard: [message(status="302 Found", Location=target.format(port=peer.port))]
    )

    with pytest.raises(ForbiddenAddress):
        session.get(peer.url)

    assert len(peer.heard) == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://vo.example.org/", "http://u:p@h/"])
def test_a_redirect_stays_within_http(talk, target):
    peer, session = talk(redirect(target))

    with pytest.raises(ForbiddenAddress):
        session.get(peer.url)


def test_a_public_peer_is_not_led_inside(serve, session_for, monkeypatch):
    monkeypatch.setattr(transport, "is_public", lambda ip: ip == "127.0.0.1")
    inside = serve(answer(b"secret"), host="127.0.0.2")
    peer = serve(by_path(root=redirect(inside.url)))
    session = session_for(peer, private_network=False)

    with pytest.raises(ForbiddenAddress):
        session.get(peer.url)

    assert inside.connections == 0


def test_a_name_that_does_not_resolve_says_so(session_for):
    session = session_for("https://vo.invalid/")

    with pytest.raises(BackendUnavailable, match=r"the name vo\.invalid does not resolve"):
        session.get("https://vo.invalid/")


@pytest.mark.parametrize("host", ["a" * 64 + ".org", "a..b", "vo.example.org" + ".x" * 200])
def test_a_name_that_cannot_be_one_does_not_resolve(session_for, host):
    session = session_for("https://vo.example.org/")

    with pytest.raises((BackendUnavailable, InvalidRequest)):
        session.get(f"https://{host}/")
