"""Certificates that the gateway shows, and whom it trusts instead of its usual authorities."""

import subprocess
from contextlib import suppress
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from esap.backends import transport
from esap.backends.base import BackendConfig
from esap.backends.certificates import ClientCertificate
from esap.backends.http import open_session
from esap.errors import BackendFailed, BackendRefused
from tests.support.authority import Authority
from tests.support.fakes.http import FakeProxy, answer, redirect

HOUR = timedelta(hours=1)


@pytest.fixture
def open_world(monkeypatch):
    monkeypatch.setattr(transport, "is_public", lambda ip: True)


@pytest.fixture
def ours(tmp_path):
    return Authority(tmp_path / "ours")


@pytest.fixture
def robot(ours):
    return ours.issue("CN=robot")


def shown(issued):
    return ClientCertificate(issued.file, f"file:{issued.key}")


@pytest.fixture
def session_of():
    """Open a session for an entry that names its authorities."""
    opened = []

    def open_(peer, authorities, **options):
        config = BackendConfig(
            id="fake",
            type="tap",
            title="Fake Archive",
            url=peer.url,
            private_network=not options,
            ca_bundle=authorities,
        )
        opened.append(open_session(config, **options))
        return opened[-1]

    yield open_
    for session in opened:
        session.close()


def test_a_certificate_is_shown_in_the_session_made_for_it_and_in_no_other(
    serve, ours, robot, session_of
):
    peer = serve(answer(b"rows"), tls=ours.serve("127.0.0.1"))
    session = session_of(peer, ours.file)

    session.get(peer.url)
    with session.showing(shown(robot)) as showing:
        showing.get(peer.url)
    session.get(peer.url)

    assert [heard.shown for heard in peer.heard] == ["", "robot", ""]
    assert showing.breaker is session.breaker


@pytest.mark.usefixtures("open_world")
@pytest.mark.parametrize("elsewhere", ["another port", "another host", "http"])
def test_a_certificate_is_not_shown_elsewhere(serve, ours, robot, session_of, elsewhere):
    tls = None if elsewhere == "http" else ours.serve("127.0.0.1", "localhost")
    there = serve(answer(b"rows"), tls=tls)
    host = "localhost" if elsewhere == "another host" else "127.0.0.1"
    target = there.url.replace("127.0.0.1", host)
    peer = serve(redirect(target), tls=ours.serve("127.0.0.1"))
    session = session_of(peer, ours.file)

    with session.showing(shown(robot)) as showing:
        for url in (peer.url, target):
            with pytest.raises(BackendFailed, match="does not show its certificate there"):
                showing.get(url)

    assert (len(peer.heard), there.connections) == (1, 0)


def test_a_redirect_at_home_is_followed(serve, ours, robot, session_of):
    script = redirect("/further")
    peer = serve(
        lambda heard: (answer(b"rows") if heard.target == "/further" else script)(heard),
        tls=ours.serve("127.0.0.1"),
    )

    with session_of(peer, ours.file).showing(shown(robot)) as showing:
        assert showing.get(peer.url).text == "rows"

    assert [heard.shown for heard in peer.heard] == ["robot", "robot"]


@pytest.mark.usefixtures("open_world")
def test_a_proxy_is_not_shown_it(serve, ours, robot, session_of):
    peer = serve(answer(b"rows"), tls=ours.serve("127.0.0.1"))
    with FakeProxy(lambda heard: ["close"], tls=ours.serve("127.0.0.1")) as proxy:
        session = session_of(peer, ours.file, proxy=proxy.origin)

        # TLS in TLS is more than this proxy can do.
        with session.showing(shown(robot)) as showing, suppress(BackendFailed):
            showing.get(peer.url)

    assert [heard.shown for heard in proxy.heard] == [""]


def test_a_certificate_that_the_peer_does_not_take(serve, ours, session_of, tmp_path):
    peer = serve(answer(), tls=ours.serve("127.0.0.1"))
    other = Authority(tmp_path / "other").issue("CN=robot")

    session = session_of(peer, ours.file)
    refused = pytest.raises(BackendRefused, match=r"does not take the gateway's certificate")
    with session.showing(shown(other)) as showing, refused:
        showing.get(peer.url)

    assert (peer.heard, session.breaker.state) == ([], "closed")


def test_verification_stays_on(serve, ours, robot, session_of, tmp_path):
    peer = serve(answer(), tls=ours.serve("127.0.0.1"))
    session = session_of(peer, Authority(tmp_path / "other").file)

    refused = pytest.raises(BackendFailed, match="cannot be trusted")
    with session.showing(shown(robot)) as showing, refused:
        showing.get(peer.url, verify=False)

    assert peer.heard == []


def test_a_key_may_be_in_the_environment(serve, ours, robot, session_of, monkeypatch):
    peer = serve(answer(), tls=ours.serve("127.0.0.1"))
    monkeypatch.setenv("ROBOT_KEY", robot.key.read_text())
    robot.key.unlink()

    certificate = ClientCertificate(robot.file, "env:ROBOT_KEY")
    with session_of(peer, ours.file).showing(certificate) as showing:
        showing.get(peer.url)

    assert [heard.shown for heard in peer.heard] == ["robot"]


def _another_key(issued, ours):
    issued.key.write_bytes(ours.issue("CN=x").key.read_bytes())


def _lock(issued, ours):
    key = serialization.load_pem_private_key(issued.key.read_bytes(), None)
    form = serialization.PrivateFormat.PKCS8
    lock = serialization.BestAvailableEncryption(b"secret")
    issued.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))


NOT_ITS_KEY = "the key is not that of the certificate, is none (PEM), or is locked by a password"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda issued, _: issued.file.unlink(), "the certificate cannot be read"),
        (
            lambda issued, _: issued.file.write_text("x"),
            "the file named as certificate holds none (PEM)",
        ),
        (lambda issued, _: issued.key.unlink(), "the key of the certificate cannot be read"),
        (lambda issued, _: issued.key.write_text("x"), NOT_ITS_KEY),
        (_another_key, NOT_ITS_KEY),
        (_lock, NOT_ITS_KEY),
    ],
)
def test_what_is_of_no_use_is_told_in_a_sentence(ours, robot, spoil, sentence):
    spoil(robot, ours)

    with pytest.raises(ValueError) as error:  # noqa: PT011 - compared below
        shown(robot).read()

    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ({"ends": -HOUR}, "the certificate has expired (20"),
        ({"starts": HOUR}, "the certificate is not valid before 20"),
    ],
)
def test_a_certificate_out_of_its_time_is_read_and_not_shown(
    ours, session_of, serve, times, sentence
):
    peer = serve(answer(), tls=ours.serve("127.0.0.1"))
    issued = ours.issue("CN=robot", **times)

    assert shown(issued).read().subject.rfc4514_string() == "CN=robot"
    with pytest.raises(BackendFailed) as error:
        session_of(peer, ours.file).showing(shown(issued))

    assert sentence in error.value.detail
    assert peer.connections == 0


def test_authorities_may_be_a_folder_as_openssl_hashes_it(serve, ours, session_of, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    name = subprocess.run(  # noqa: S603
        ["/usr/bin/openssl", "x509", "-hash", "-noout", "-in", ours.file],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (folder / f"{name}.0").write_bytes(ours.file.read_bytes())
    peer = serve(answer(b"rows"), tls=ours.serve("127.0.0.1"))

    assert session_of(peer, folder).get(peer.url).text == "rows"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no authorities can be read from"),
        ("", "no authorities can be read from"),
        ("x", "holds no certificates"),
    ],
)
def test_authorities_that_are_none_are_told(tmp_path, content, sentence):
    path = tmp_path / "authorities"
    if content == "":
        path.mkdir()
    elif content:
        path.write_text(content)

    with pytest.raises(ValidationError, match=sentence):
        BackendConfig(id="x", type="tap", title="X", ca_bundle=path)
