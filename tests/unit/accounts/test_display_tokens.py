"""The token that a profile shows: whose it is, for how long, and that nobody else can make one."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from django.test import RequestFactory
from rest_framework.request import Request

from accounts import display_tokens
from accounts.credentials import Credential
from accounts.display_tokens import display_token, is_display_token, read_display_token

pytestmark = pytest.mark.django_db

SHORT_KEY = pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
CLAIMS = {"iss": "esap-api-gateway", "aud": "esap-api-gateway", "scope": "read", "jti": "x"}


def request_of(user, credential=None):
    request = Request(RequestFactory().get("/"))
    request.user, request.auth = user, credential
    return request


def signed(key=None, algorithm="HS256", **changes):
    now = int(time.time())
    claims = {**CLAIMS, "sub": "7", "iat": now, "exp": now + 600, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, display_tokens._key() if key is None else key, algorithm)


def test_a_token_is_its_users_for_ten_minutes_and_can_only_read(ada):
    before = int(time.time())

    text, expires = display_token(request_of(ada))

    claims = jwt.decode(text, options={"verify_signature": False})
    assert jwt.get_unverified_header(text)["alg"] == "HS256"
    assert claims == {
        "iss": "esap-api-gateway",
        "aud": "esap-api-gateway",
        "sub": str(ada.pk),
        "scope": "read",
        "iat": claims["iat"],
        "exp": claims["iat"] + 600,
        "jti": claims["jti"],
    }
    assert before <= claims["iat"] <= time.time()
    assert expires == datetime.fromtimestamp(claims["exp"], UTC)
    assert is_display_token(text)
    assert read_display_token(text) == ada.pk


def test_no_two_tokens_are_the_same(ada):
    assert display_token(request_of(ada))[0] != display_token(request_of(ada))[0]


@pytest.mark.parametrize("kind", ["access-token", "api-token", "display-token"])
def test_who_came_with_a_token_gets_no_other(ada, kind):
    text, expires = display_token(request_of(ada, Credential(kind)))

    left = expires - datetime.now(UTC)
    assert text == ""
    assert timedelta(minutes=9, seconds=50) < left <= timedelta(minutes=10)


def test_what_is_made_for_these_tests_would_be_read():
    assert read_display_token(signed()) == 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"exp": 1},
        {"iss": "another"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"scope": None},
        {"key": "", "algorithm": "none"},
        {"key": "k" * 32},
        {"key": "tests-only" * 4},
        pytest.param({"algorithm": "HS512"}, marks=SHORT_KEY),
    ],
    ids=str,
)
def test_a_token_that_is_not_ours_or_has_expired_is_nobodys(wrong):
    assert read_display_token(signed(**wrong)) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c"])
def test_what_is_no_token_is_nobodys(text):
    assert read_display_token(text) is None
    assert not is_display_token(text)


@pytest.mark.parametrize("issuer", ["another", None])
def test_tokens_of_others_do_not_claim_to_be_such(issuer):
    assert not is_display_token(signed(iss=issuer))


def test_a_token_is_not_signed_by_the_secret_key_itself(settings):
    settings.SECRET_KEY = "another"  # noqa: S105

    with_another = signed()

    settings.SECRET_KEY = "tests-only"  # noqa: S105
    assert read_display_token(with_another) is None
    assert b"tests-only" not in display_tokens._key()
    assert len(display_tokens._key()) == 32
