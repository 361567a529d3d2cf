"""Calls are made again only where that is harmless and may help."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from requests import Response

from esap.backends import retries
from esap.backends.deadline import within
from esap.errors import BackendTimedOut, BackendUnavailable, ForbiddenAddress, UnreadableAnswer
from tests.support.fakes.http import (
    CLOSE,
    answer,
    answers,
    black_hole,
    hang_up,
    message,
    redirect,
    truncated,
)

BUSY = answer(b"busy", status="503 Service Unavailable")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_PAUSE", 0.01)


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Busy", "504 Gateway Timeout"])
def test_a_passing_failure_is_tried_again(talk, status):
    failing = answer(status=status)
    peer, session = talk(answers(failing, failing, answer(b"rows")))

    assert session.get(peer.url).text == "rows"

    assert len(peer.heard) == 3


def test_a_connection_that_breaks_is_tried_again(talk):
    peer, session = talk(answers(hang_up, hang_up, answer(b"rows")))

    assert session.get(peer.url).text == "rows"


def test_two_retries_are_the_most(talk):
    peer, session = talk(BUSY)

    assert session.get(peer.url).status_code == 503

    assert len(peer.heard) == 3


def test_a_peer_that_hangs_up_each_time_is_unavailable(talk):
    peer, session = talk(hang_up)

    with pytest.raises(BackendUnavailable, match="closed the connection without an answer"):
        session.get(peer.url)

    assert len(peer.heard) == 3


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "429 Too Many", "500 Oops"])
def test_other_answers_are_final(talk, status):
    peer, session = talk(answer(status=status))

    session.get(peer.url)

    assert len(peer.heard) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("script", [BUSY, hang_up], ids=["503", "hang up"])
def test_what_may_have_had_an_effect_is_not_sent_twice(talk, method, script):
    peer, session = talk(script)

    with suppress(BackendUnavailable):
        session.request(method, peer.url, data=b"job")

    assert len(peer.heard) == 1


def test_unless_the_caller_knows_that_it_has_none(talk):
    peer, session = talk(answers(BUSY, hang_up, answer(b"rows")))

    response = session.post(peer.url, data={"QUERY": "SELECT 1"}, idempotent=True)

    assert response.text == "rows"
    assert [heard.body for heard in peer.heard] == [b"QUERY=SELECT+1"] * 3


def test_a_body_that_can_be_read_once_is_sent_once(talk):
    peer, session = talk(BUSY)

    session.request("POST", peer.url, data=iter([b"part"]), idempotent=True)

    assert len(peer.heard) == 1


def test_a_truncated_answer_is_not_asked_for_again(talk):
    peer, session = talk(truncated(b"x", says=2))

    with pytest.raises(UnreadableAnswer):
        session.get(peer.url)

    assert len(peer.heard) == 1


def test_a_late_answer_is_not_asked_for_again(talk):
    peer, session = talk(black_hole)

    with pytest.raises(BackendTimedOut):
        session.get(peer.url, timeout=0.2)

    assert len(peer.heard) == 1


def test_a_refused_address_is_not_tried_again(talk, takes):
    peer, session = talk(redirect("http://localhost:1/"))

    with takes(0, within=0.1), pytest.raises(ForbiddenAddress):
        session.get(peer.url)

    assert len(peer.heard) == 1


def test_the_peer_says_how_long_to_wait(talk, takes):
    peer, session = talk(answers(answer(status="503 Busy", Retry_After="1"), answer(b"rows")))

    with takes(1):
        assert session.get(peer.url).text == "rows"


def test_a_wait_beyond_the_deadline_is_not_begun(talk, takes):
    peer, session = talk(answer(b"busy", status="503 Busy", Retry_After="20"))

    with takes(0), within(5):
        assert session.get(peer.url).text == "busy"

    assert len(peer.heard) == 1


def test_an_idle_connection_that_the_peer_closed_goes_unnoticed(talk, monkeypatch):
    monkeypatch.setattr(retries, "MOST_RETRIES", 0)
    # The peer closes when the second request has come: too late for us to see it before sending.
    peer, session = talk(
        lambda heard: [CLOSE] if len(peer.heard) == 2 else [message(b"rows")],
    )
    session.get(peer.url)

    assert session.get(peer.url).text == "rows"

    assert (len(peer.heard), peer.connections) == (3, 2)


def test_but_not_for_a_call_with_an_effect(talk):
    peer, session = talk(
        lambda heard: [CLOSE] if len(peer.heard) == 2 else [message(b"rows")],
    )
    session.get(peer.url)

    with pytest.raises(BackendUnavailable):
        session.post(peer.url, data=b"job")

    assert len(peer.heard) == 2


def response_with(retry_after):
    response = Response()
    response.headers["Retry-After"] = retry_after
    return response


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retries.retry_after(response_with(value)) == seconds


def test_a_date_is_counted_from_now():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    assert retries.retry_after(response_with(soon)) == pytest.approx(90, abs=2)


def test_pauses_grow_and_are_spread(monkeypatch):
    monkeypatch.setattr(retries, "_FIRST_PAUSE", 0.2)
    first = [retries.pause_before(0, None) for _ in range(200)]
    second = [retries.pause_before(1, None) for _ in range(200)]

    assert 0.1 <= min(first) < 0.15
    assert 0.25 < max(first) <= 0.3
    assert 0.2 <= min(second) < 0.3
    assert 0.5 < max(second) <= 0.6
