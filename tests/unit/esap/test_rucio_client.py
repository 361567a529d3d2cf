"""Rucio's wire protocol, as far as a real Rucio cannot be made to do it."""

import json

import pytest
from pydantic import HttpUrl

from esap.backends.base import BackendConfig
from esap.backends.http import open_session
from esap.clients.rucio import CannotAuthenticate, RucioClient, moment
from esap.errors import (
    AlreadyExists,
    BackendFailed,
    BackendRefused,
    BackendUnavailable,
    InvalidRequest,
    NotFound,
    OverQuota,
    UnreadableAnswer,
)
from tests.support.fakes.http import FakePeer, answer, chunked, redirect

TOKEN = "t"  # noqa: S105


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr("esap.backends.retries._FIRST_PAUSE", 0.01)


def client_of(peer):
    config = BackendConfig(
        id="lake", type="rucio", title="The lake", url=HttpUrl(peer.url), private_network=True
    )
    return RucioClient(open_session(config), config.base_url, config.title)


def refusal(status, name, message="no"):
    said = json.dumps({"ExceptionClass": name, "ExceptionMessage": message}).encode()
    return answer(said, status=status, ExceptionClass=name, ExceptionMessage=message)


def read(script):
    with FakePeer(script) as peer:
        return list(client_of(peer).lines("dids", "escape", token=TOKEN))


def test_a_stream_is_read_line_by_line_however_it_is_cut():
    found = read(chunked(b'{"name": "a', b'"}\n{"name', b'": "b"}\n'))

    assert found == [{"name": "a"}, {"name": "b"}]


def test_an_empty_answer_is_an_empty_list():
    assert read(chunked()) == []


def test_a_last_line_that_does_not_parse_is_an_error_and_not_a_shorter_list():
    with pytest.raises(UnreadableAnswer):
        read(chunked(b'{"name": "a"}\n{"name": "b'))


def test_a_stream_that_breaks_off_between_two_lines_is_an_error():
    with pytest.raises(UnreadableAnswer):
        read(chunked(b'{"name": "a"}\n', end=b""))


def test_an_infinite_limit_is_none():
    found = read(chunked(b'{"bytes_limit": Infinity, "rse": "A"}\n'))

    assert found == [{"bytes_limit": None, "rse": "A"}]


def test_a_lone_surrogate_is_not_let_in():
    with pytest.raises(UnreadableAnswer):
        read(chunked(b'{"bytes": Infinity, "name": "\\ud800"}\n'))


def test_nesting_without_end_is_an_error():
    with pytest.raises(UnreadableAnswer):
        read(chunked(b"[" * 200_000 + b"\n"))


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [
        ("401 UNAUTHORIZED", "CannotAuthenticate", CannotAuthenticate),
        ("401 UNAUTHORIZED", "AccessDenied", BackendRefused),
        ("500 INTERNAL SERVER ERROR", "AccessDenied", BackendRefused),
        ("404 NOT FOUND", "DataIdentifierNotFound", NotFound),
        ("409 CONFLICT", "InsufficientAccountLimit", OverQuota),
        ("409 CONFLICT", "DuplicateRule", AlreadyExists),
        ("409 CONFLICT", "InvalidRSEExpression", InvalidRequest),
        ("400 BAD REQUEST", "InvalidRSEExpression", InvalidRequest),
        ("500 INTERNAL SERVER ERROR", "InvalidRSEExpression", InvalidRequest),
        ("500 INTERNAL SERVER ERROR", "InvalidMetadata", InvalidRequest),
        ("500 INTERNAL SERVER ERROR", "RucioException", BackendFailed),
        ("500 INTERNAL SERVER ERROR", "DatabaseException", BackendUnavailable),
    ],
)
def test_an_error_means_what_its_class_says_and_not_its_status(status, name, error):
    with FakePeer(refusal(status, name)) as peer, pytest.raises(error) as raised:
        client_of(peer).get("rules", "1", token=TOKEN)

    assert type(raised.value) is error


def test_a_refusal_of_rights_is_no_refusal_of_the_token():
    script = refusal("401 UNAUTHORIZED", "AccessDenied")

    with FakePeer(script) as peer, pytest.raises(BackendRefused) as raised:
        client_of(peer).get("accounts", "bob", token=TOKEN)

    assert not isinstance(raised.value, CannotAuthenticate)


def test_the_database_error_of_a_duplicate_is_not_passed_on():
    script = refusal("409 CONFLICT", "DuplicateRule", "(psycopg.errors.UniqueViolation) secret")

    with FakePeer(script) as peer, pytest.raises(AlreadyExists) as raised:
        client_of(peer).send("POST", "rules", "", token=TOKEN, body={})

    assert "psycopg" not in raised.value.detail


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "/dids/escape/a%2Fb"),
        ("100%", "/dids/escape/100%25"),
        ("a%2Fb", "/dids/escape/a%252Fb"),
        ("a#b?c", "/dids/escape/a%23b%3Fc"),
        ("a b", "/dids/escape/a%20b"),
        ("a/../b", "/dids/escape/a%2F..%2Fb"),
        ("étoile", "/dids/escape/%C3%A9toile"),
        ("a;b", "/dids/escape/a%3Bb"),
        ("a\nb", "/dids/escape/a%0Ab"),
    ],
)
def test_a_name_is_one_part_of_the_path_whatever_is_in_it(name, path):
    with FakePeer(answer(b'{"name": "x"}')) as peer:
        client_of(peer).get("dids", "escape", name, token=TOKEN)

    assert peer.heard[0].target == path


@pytest.mark.parametrize("name", [".", "..", "\ud800"])
def test_a_name_that_cannot_be_a_part_of_a_path_asks_nothing(name):
    with FakePeer(answer(b"{}")) as peer, pytest.raises(InvalidRequest):
        client_of(peer).get("dids", "escape", name, token=TOKEN)

    assert peer.heard == []


def test_a_token_follows_no_redirect():
    with (
        FakePeer(answer(b"{}")) as other,
        FakePeer(redirect(other.url)) as peer,
        pytest.raises(UnreadableAnswer),
    ):
        client_of(peer).get("scopes", token=TOKEN)

    assert other.heard == []


def test_who_we_are_is_where_the_redirect_leads():
    with FakePeer(redirect("alice", "303 SEE OTHER")) as peer:
        assert client_of(peer).account(TOKEN) == "alice"

    assert peer.heard[0].headers["x-rucio-auth-token"] == TOKEN


def test_a_login_gives_the_token_and_when_it_ends():
    said = {
        "X_Rucio_Auth_Token": "secret",
        "X_Rucio_Auth_Token_Expires": "Sun, 22 Nov 2026 16:49:36 UTC",
    }
    script = answer(b"", **said)

    with FakePeer(script) as peer:
        login = client_of(peer).log_in(account="esap", username="u", password="p")  # noqa: S106

    assert (login.token, login.expires.isoformat()) == ("secret", "2026-11-22T16:49:36+00:00")
    assert "secret" not in repr(login)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Sun, 22 Nov 2026 15:42:15 UTC", "2026-11-22T15:42:15+00:00"),
        ("2026-11-22T15:56:43", "2026-11-22T15:56:43+00:00"),
    ],
)
def test_times_are_read_in_both_of_rucios_ways(text, time):
    assert moment(text).isoformat() == time


@pytest.mark.parametrize("text", [None, "", "soon", "Sun, 99 Nov"])
def test_what_is_no_time_is_none(text):
    assert moment(text) is None
