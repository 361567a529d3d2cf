"""What a session tells: errors in words, the health of its peer, one line in the log."""

import threading

import pytest
import structlog
from structlog.testing import capture_logs

from esap.backends.deadline import within
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    BackendUnavailable,
    Cancelled,
    InvalidRequest,
    NotFound,
    UnreadableAnswer,
)
from tests.support.fakes.http import CLOSE, answer, black_hole, certificate, drip, hang_up

REFUSED = "http://127.0.0.1:1/"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr("esap.backends.retries.MOST_RETRIES", 0)


def test_a_peer_that_accepts_no_connections(session_for):
    with pytest.raises(BackendUnavailable) as error:
        session_for(REFUSED).get(REFUSED)

    assert error.value.detail == (
        "Fake Archive cannot be reached: Fake Archive does not accept connections. Try again later."
    )
    assert error.value.extensions == {"peer": "fake"}


def test_a_peer_that_speaks_something_else(talk):
    peer, session = talk(lambda heard: [b"220 ftp.example.org ready\r\n", CLOSE])

    with pytest.raises(UnreadableAnswer, match="does not answer in HTTP"):
        session.get(peer.url)


def test_a_header_without_end(talk):
    peer, session = talk(lambda heard: [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200, CLOSE])

    with pytest.raises(UnreadableAnswer, match="does not answer in HTTP"):
        session.get(peer.url)


def test_a_certificate_that_nobody_vouches_for(serve, session_for, tmp_path):
    tls, _ = certificate(tmp_path, "127.0.0.1")
    peer = serve(answer(b"rows"), tls=tls)

    with pytest.raises(BackendFailed, match=r"cannot be trusted \(self-signed certificate"):
        session_for(peer).get(peer.url)

    assert peer.heard == []


def test_a_certificate_of_another_host(serve, session_for, tmp_path):
    tls, authority = certificate(tmp_path, "vo.example.org")
    peer = serve(answer(b"rows"), tls=tls)

    with pytest.raises(BackendFailed, match=r"cannot be trusted \(IP address mismatch"):
        session_for(peer, ca_bundle=authority).get(peer.url)


def test_tls_is_verified_whatever_the_caller_says(serve, session_for, tmp_path):
    tls, _ = certificate(tmp_path, "127.0.0.1")
    peer = serve(answer(b"rows"), tls=tls)

    with pytest.raises(BackendFailed, match="cannot be trusted"):
        session_for(peer).get(peer.url, verify=False)


def test_an_authority_of_ones_own_is_trusted(serve, session_for, tmp_path):
    tls, authority = certificate(tmp_path, "127.0.0.1")
    peer = serve(answer(b"rows"), tls=tls)
    session = session_for(peer, ca_bundle=authority)

    assert session.get(peer.url).text == session.get(peer.url).text == "rows"

    assert peer.connections == 1


@pytest.mark.parametrize(
    "headers",
    [{"X-Token": "a\r\nX-Admin: 1"}, {"X-Token": "a\nb"}, {"X\r\nY": "a"}, {"X-Token": " a"}],
)
def test_a_header_cannot_be_smuggled_in(talk, headers):
    peer, session = talk(answer())

    with pytest.raises(InvalidRequest, match="no header value has a line break"):
        session.get(peer.url, headers=headers)

    assert peer.heard == []


def test_a_line_break_in_a_url_is_no_line_break(talk):
    peer, session = talk(answer())

    session.get(peer.url + "x\r\nX-Admin: 1", params={"q": "a\r\nb"})

    assert "x-admin" not in peer.heard[0].headers
    assert peer.heard[0].target.endswith("q=a%0D%0Ab")


@pytest.mark.parametrize(
    ("status", "error", "sentence"),
    [
        ("400 Bad Request", BackendFailed, "Fake Archive answered 400 Bad Request."),
        ("401 Unauthorized", BackendRefused, "Fake Archive wants to know who asks"),
        ("403 Forbidden", BackendRefused, "Fake Archive does not allow this"),
        ("404 Not Found", NotFound, "Fake Archive has nothing at this address (404 Not Found)."),
        ("410 Gone", NotFound, "Fake Archive has nothing at this address (410 Gone)."),
        ("429 Slow", BackendUnavailable, "Fake Archive is not available now (429 Too Many Req"),
        ("500 Oops", BackendFailed, "Fake Archive answered 500 Internal Server Error."),
        ("503 Busy", BackendUnavailable, "Fake Archive is not available now (503 Service Unav"),
        ("599 What", BackendFailed, "Fake Archive answered 599."),
    ],
)
def test_an_error_status_is_an_error_where_none_is_expected(talk, status, error, sentence):
    peer, session = talk(answer(b"some page", status=status))

    with pytest.raises(error) as raised:
        session.expect(session.get(peer.url, stream=True))

    assert type(raised.value) is error
    assert raised.value.detail.startswith(sentence)
    assert raised.value.extensions["peer"] == "fake"


def test_when_to_come_back_is_passed_on(talk):
    peer, session = talk(answer(status="503 Busy", Retry_After="120"))

    with pytest.raises(BackendUnavailable, match="asks to be tried again in 120 s") as error:
        session.expect(session.get(peer.url))

    assert error.value.extensions["retry_after"] == 120


def test_a_good_answer_is_what_was_expected(talk):
    peer, session = talk(answer(b"rows"))

    assert session.expect(session.get(peer.url)).text == "rows"


def call(session, url):
    with pytest.raises((BackendFailed, Cancelled, NotFound)):
        session.expect(session.get(url))


def test_five_failures_in_a_row_open_the_breaker(talk):
    peer, session = talk(answer(status="500 Oops"))
    for _ in range(5):
        call(session, peer.url)

    with pytest.raises(BackendUnavailable, match="is not asked just now") as refusal:
        session.get(peer.url)

    assert len(peer.heard) == 5
    assert refusal.value.extensions["peer"] == "fake"
    assert session.breaker.state == "open"
    assert session.breaker.last_error == "Fake Archive answered 500."


ILL = {"hangs up": hang_up, "is silent": black_hole, "drips": drip()}


@pytest.mark.parametrize("script", ILL.values(), ids=ILL.keys())
def test_so_does_a_peer_that(talk, script):
    peer, session = talk(script, timeout=0.1)

    for _ in range(5):
        call(session, peer.url)

    assert session.breaker.state == "open"


def test_and_one_that_cannot_be_reached(session_for):
    session = session_for(REFUSED)

    for _ in range(5):
        call(session, REFUSED)

    assert session.breaker.state == "open"


WELL = {
    "400": answer(status="400 Bad Request"),
    "404": answer(status="404 Not Found"),
    "429": answer(status="429 Too Many Requests"),
    "a query's error": answer(
        b"<VOTABLE/>", status="500 Oops", Content_Type="application/x-votable+xml"
    ),
    "an error that Rucio names": answer(
        b"{}", status="500 Oops", ExceptionClass="InvalidRSEExpression"
    ),
}


@pytest.mark.parametrize("script", WELL.values(), ids=WELL.keys())
def test_an_answer_for_the_caller_does_not_count(talk, script):
    peer, session = talk(script)

    for _ in range(6):
        call(session, peer.url)

    assert session.breaker.state == "closed"


def test_nor_does_a_user_who_cancels(talk):
    peer, session = talk(black_hole)

    for _ in range(6):
        with within(30) as scope:
            threading.Timer(0.02, scope.cancel).start()
            call(session, peer.url)

    assert session.breaker.state == "closed"


def test_nor_one_who_allows_no_time(talk):
    peer, session = talk(black_hole, timeout=30)

    for _ in range(6):
        with pytest.raises(BackendTimedOut):
            session.get(peer.url, timeout=0.02)

    assert session.breaker.state == "closed"


def test_peers_have_breakers_of_their_own(talk):
    ill, to_ill = talk(answer(status="500 Oops"))
    well, to_well = talk(answer(b"rows"))
    for _ in range(5):
        call(to_ill, ill.url)

    assert to_well.get(well.url).text == "rows"


def test_each_call_is_one_line_in_the_log_without_secrets(talk, monkeypatch):
    peer, session = talk(answer(b"rows"))
    # One that was used before keeps to how logs were set up then.
    monkeypatch.setattr("esap.backends.call.log", structlog.get_logger())

    with capture_logs() as logs:
        session.get(
            peer.url + "sync",
            params={"token": "secret"},
            headers={"Authorization": "Bearer secret"},
        )

    assert [{**line, "seconds": 0} for line in logs] == [
        {
            "event": "outbound.call",
            "log_level": "debug",
            "peer": "fake",
            "method": "GET",
            "host": "127.0.0.1",
            "status": 200,
            "seconds": 0,
            "bytes": 4,
            "error": None,
        }
    ]


def test_no_error_tells_a_secret(talk):
    for script in (black_hole, hang_up, drip(), answer(status="500 secret")):
        peer, session = talk(script, timeout=0.2)

        with pytest.raises(BackendFailed) as error:
            session.expect(session.get(peer.url + "?token=secret", headers={"X": "secret"}))

        assert "secret" not in str(error.value)


def test_the_hosts_own_proxy_and_netrc_stay_out(talk, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", REFUSED)
    monkeypatch.setenv("http_proxy", REFUSED)
    peer, session = talk(answer(b"rows"))

    assert session.get(peer.url).text == "rows"

    assert "authorization" not in peer.heard[0].headers


def test_threads_share_a_session(talk):
    peer, session = talk(answer(b"rows" * 1000))
    wrong = []

    def work():
        wrong.extend(1 for _ in range(20) if session.get(peer.url).content != b"rows" * 1000)

    workers = [threading.Thread(target=work) for _ in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert wrong == []
    assert peer.connections <= 16
