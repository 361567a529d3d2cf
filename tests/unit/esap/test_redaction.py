"""Secrets in texts are told by their shape, and hidden."""

import base64
import secrets
import uuid

import pytest
from django.utils.crypto import get_random_string

from accounts.api_tokens.services import PREFIX
from esap.errors import InvalidRequest
from esap.redaction import carries_token, for_logs, without_tokens

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
API_TOKEN = PREFIX + secrets.token_urlsafe(32)


@pytest.mark.parametrize("token", [JWT, API_TOKEN], ids=["signed", "of ours"])
def test_a_token_is_hidden_wherever_it_stands(token):
    assert without_tokens(f"It is '{token}'.") == "It is '[hidden]'."
    assert without_tokens({"errors": {"name": [f"{token} is long"]}, "status": 400}) == {
        "errors": {"name": ["[hidden] is long"]},
        "status": 400,
    }
    assert token not in InvalidRequest(f"There is no {token!r}.").detail


@pytest.mark.parametrize(
    "value",
    [JWT, f"x={JWT}&y", API_TOKEN, [1, {"a": API_TOKEN}], {API_TOKEN: 1}, ("a", ("b", JWT))],
    ids=["text", "part", "of ours", "list", "key", "deep"],
)
def test_what_carries_a_token_is_told(value):
    assert carries_token(value)


@pytest.mark.parametrize("value", ["M31", "esap_api_", "eyJust.a.name", None, 7, [], {"a": ["b"]}])
def test_what_carries_none_is_left_alone(value):
    assert not carries_token(value)
    assert without_tokens(value) == value


@pytest.mark.parametrize(
    "secret",
    [
        secrets.token_urlsafe(32) + "-0aZ",
        base64.urlsafe_b64encode(bytes(range(33))).decode(),
        get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789") + "z9",
    ],
    ids=["base64", "all of base64", "a key of a session"],
)
def test_a_long_word_that_was_drawn_by_lot_is_not_logged(secret):
    assert for_logs(f"GET /esap-api/jobs/{secret}/") == "GET /esap-api/jobs/[hidden]/"


@pytest.mark.parametrize(
    "text",
    [
        str(uuid.UUID(int=2**100)),
        uuid.UUID(int=2**127 - 1).hex,
        "lofar-two-metre-sky-survey-second-data-release-2022",
        "test_a_long_word_that_a_human_wrote_is_logged_as_it_is",
        "SpectacularSwaggerSplitViewWithoutEnd",
        "/var/lib/esap/accounts/backends/grants.py",
    ],
)
def test_a_long_word_that_a_human_wrote_is_logged_as_it_is(text):
    assert for_logs(text) == text
