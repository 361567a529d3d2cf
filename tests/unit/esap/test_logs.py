"""Logs in which no secret appears."""

import pytest

from esap.settings.logs import hide_secrets


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer SECRETSECRET",
        "GET https://x.example.org/?access_token=SECRETSECRET&a=1",
        "redis://user:SECRETSECRET@host/0",
        "token eyJhbGciOi.eyJTRUNSRVQ.SECRETSECRET",
    ],
)
def test_a_secret_inside_a_text_is_hidden(text) -> None:
    event = hide_secrets(None, "info", {"event": text, "deep": [{"why": text}]})

    assert "SECRETSECRET" not in str(event)
    assert "[hidden]" in event["event"]


def test_a_value_is_hidden_by_the_name_of_its_key() -> None:
    event = hide_secrets(None, "info", {"event": "login", "refresh_token": "abc", "user": "ada"})

    assert event == {"event": "login", "refresh_token": "[hidden]", "user": "ada"}


def test_the_number_of_a_token_is_no_secret() -> None:
    event = hide_secrets(None, "info", {"event": "audit", "token_id": "7", "session_id": "7"})

    assert event == {"event": "audit", "token_id": "7", "session_id": "[hidden]"}


def test_a_secret_is_hidden_by_its_key_however_deep_it_is() -> None:
    event = hide_secrets(None, "info", {"event": "x", "detail": [{"password": "p", "n": 1}]})

    assert event["detail"] == [{"password": "[hidden]", "n": 1}]
