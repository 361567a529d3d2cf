"""Redirects are followed, without the secrets."""

import pytest

from esap.backends import transport
from esap.errors import BackendFailed, ForbiddenAddress
from tests.support.fakes.http import answer, by_path, certificate, message, redirect

SECRETS = {
    "Authorization": "Bearer secret",
    "Cookie": "session=secret",
    "X-Rucio-Auth-Token": "secret",
}


@pytest.fixture
def open_world(monkeypatch):
    """Let every address count as public, so that two hosts can be had on loopback."""
    monkeypatch.setattr(transport, "is_public", lambda ip: True)


def other_host(peer):
    return peer.url.replace("127.0.0.1", "localhost")


def test_the_answer_is_that_of_the_last_hop(talk):
    peer, session = talk(by_path(root=redirect("/a"), a=redirect("b?x=1"), b=answer(b"rows")))

    response = session.get(peer.url)

    assert response.text == "rows"
    assert response.url == peer.url + "b?x=1"
    assert [hop.status_code for hop in response.history] == [302, 302]
    assert peer.connections == 1


def test_who_does_not_want_to_follow_gets_the_first(talk):
    peer, session = talk(redirect("/a"))

    response = session.get(peer.url, allow_redirects=False)

    assert response.status_code == 302
    assert response.headers["Location"] == "/a"


def test_five_redirects_are_the_most(talk):
    peer, session = talk(redirect("/again"))

    with pytest.raises(BackendFailed, match="redirects more than 5 times"):
        session.get(peer.url)

    assert len(peer.heard) == 6


def test_a_redirect_without_a_location_is_an_answer(talk):
    peer, session = talk(answer(b"choose", status="302 Found"))

    assert session.get(peer.url).text == "choose"


@pytest.mark.parametrize("location", ["http://[::1", "http://*.org/", "http://" + "a" * 70 + ".x/"])
def test_a_redirect_to_nowhere_is_the_peers_fault(talk, location):
    peer, session = talk(redirect(location))

    with pytest.raises((BackendFailed, ForbiddenAddress)):
        session.get(peer.url)

    assert len(peer.heard) == 1


@pytest.mark.parametrize(
    ("status", "method", "becomes"),
    [
        ("301 Moved", "GET", "GET"),
        ("301 Moved", "POST", "GET"),
        ("302 Found", "POST", "GET"),
        ("302 Found", "PUT", "PUT"),
        ("303 See Other", "POST", "GET"),
        ("303 See Other", "DELETE", "GET"),
        ("303 See Other", "HEAD", "HEAD"),
        ("307 Temporary", "POST", "POST"),
        ("308 Permanent", "POST", "POST"),
    ],
)
def test_the_method_of_the_next_hop(talk, status, method, becomes):
    peer, session = talk(by_path(root=redirect("/there", status), there=answer()))
    body = b"RUN" if method in {"POST", "PUT"} else None

    session.request(method, peer.url, data=body, headers={"Content-Type": "text/plain"})

    hop = peer.heard[1]
    assert hop.method == becomes
    assert hop.body == (b"RUN" if becomes == method and body else b"")
    assert ("content-type" in hop.headers) == (becomes == method)


def test_on_the_same_origin_credentials_go_along(talk):
    peer, session = talk(by_path(root=redirect("/there"), there=answer()))

    session.get(peer.url, headers=SECRETS)

    assert peer.heard[1].headers["authorization"] == "Bearer secret"
    assert peer.heard[1].headers["cookie"] == "session=secret"


@pytest.mark.parametrize("elsewhere", ["another host", "another port"])
def test_elsewhere_they_do_not(serve, session_for, open_world, elsewhere):
    there = serve(by_path(root=redirect("/further"), further=answer(b"rows")))
    target = other_host(there) if elsewhere == "another host" else there.url
    peer = serve(redirect(target))
    session = session_for(peer)

    response = session.get(peer.url, headers={**SECRETS, "Accept": "text/xml"}, cookies={"c": "x"})

    assert response.text == "rows"
    for heard in there.heard:
        assert "secret" not in str(heard)
        assert "cookie" not in heard.headers
        assert heard.headers["accept"] == "text/xml"
        assert heard.headers["user-agent"] == "esap-api-gateway"
    assert len(there.heard) == 2


def test_nor_do_they_go_from_https_to_http(serve, session_for, tmp_path):
    tls, authority = certificate(tmp_path, "127.0.0.1")
    plain = serve(answer(b"rows"))
    peer = serve(redirect(plain.url), tls=tls)
    session = session_for(peer, ca_bundle=authority)

    with pytest.raises(BackendFailed, match="with credentials from https to http"):
        session.get(peer.url, headers=SECRETS)

    assert plain.heard == []
    assert session.get(peer.url).text == "rows"


def test_a_form_does_not_go_to_another_host(serve, session_for, open_world):
    there = serve(answer())
    peer = serve(redirect(other_host(there), "307 Temporary Redirect"))
    session = session_for(peer)

    with pytest.raises(BackendFailed, match="redirects a form to another host"):
        session.post(peer.url, data={"client_secret": "x"})

    assert there.heard == []


def test_a_session_keeps_no_cookies(talk):
    peer, session = talk(answer(Set_Cookie="session=of-another-user; Path=/"))

    assert session.get(peer.url).cookies["session"] == "of-another-user"
    session.get(peer.url)

    assert "cookie" not in peer.heard[1].headers


def test_a_location_in_utf8_is_understood(talk):
    location = "/caf\u00e9".encode().decode("latin-1")
    peer, session = talk(
        lambda heard: (
            [message(b"rows")]
            if heard.target == "/caf%C3%A9"
            else [f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode("latin-1")]
        )
    )

    assert session.get(peer.url).text == "rows"
