"""API2:2023 Broken Authentication: who cannot prove who they are is nobody."""

import base64
import json
from datetime import timedelta

import jwt
import pytest
from django.utils import timezone

from accounts.activation import deactivate
from accounts.api_tokens import services as api_tokens
from accounts.display_tokens import _key as display_key
from accounts.models import ApiToken, AuditEvent, Grant, User
from tests.security.callers import Caller, make_user, verdict
from tests.support.database import everything
from tests.support.fakes.openid import CALLBACK, new_key

pytestmark = pytest.mark.django_db

WHOAMI = "/esap-api/accounts/whoami/"
ITEMS = "/esap-api/accounts/basket/items/"
ITEM = {"archive": "stars", "record": {}}
PASSWORD = "correct horse battery staple"  # noqa: S105
REFUSED = (401, "invalid-token")


def b64(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def swapped(token, **claims):
    """Return a signed token with other claims under the same signature."""
    head, payload, signature = token.split(".")
    old = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{head}.{b64({**old, **claims})}.{signature}"


def unsigned(token, **claims):
    """Return a token with a header that says that nobody has signed it (RFC 8725, section 3.1)."""
    payload = swapped(token, **claims).split(".")[1]
    return f"{b64({'alg': 'none', 'typ': 'JWT'})}.{payload}."


def refused(token):
    """Assert that a token reads and writes nothing, and leaves no trace."""
    before = everything()
    thief = Caller(token=token)
    for answer in (thief.get(WHOAMI), thief.post(ITEMS, ITEM)):
        assert verdict(answer) == REFUSED, answer.content
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert token not in answer.content.decode()
    assert everything() == before


GUESSES = {
    "what is no token": "hunter2",
    "an API token that never was": f"{api_tokens.PREFIX}{'A' * 43}",
    "the prefix of one": api_tokens.PREFIX + "x" * 16,
    "a text of the right form": "a" * 43,
    "two tokens": f"{'a' * 43} {'b' * 43}",
    "SQL": "' OR 1=1 --",
    "a token in Latin-1": "é" * 43,
    "dots": "." * 43,
    "a header alone": f"{b64({'alg': 'ES256'})}..",
    "lists without an end": f"{b64({'alg': 'ES256'})}.{'W1tb' * 3000}.AAAA",
}


@pytest.mark.parametrize("token", GUESSES.values(), ids=GUESSES)
def test_a_guess_is_refused(token, nobody):
    refused(token)


def test_an_api_token_is_refused_when_it_has_ended(ada):
    token, text = api_tokens.make(ada.user, name="t", scopes=["write"])
    mine = ApiToken.objects.filter(pk=token.pk)
    soon = timezone.now() + timedelta(minutes=1)

    for end in ({"expires": timezone.now()}, {"expires": soon, "revoked": timezone.now()}):
        mine.update(**end)
        refused(text)

    mine.update(expires=soon, revoked=None)
    assert Caller(token=text).post(ITEMS, ITEM).status_code == 201
    refused(text[:-1])
    refused(text.upper())


def test_a_display_token_is_refused_when_it_is_old_or_changed(ada, bob):
    good = ada.display_token().token
    claims = jwt.decode(good, options={"verify_signature": False})
    past = {**claims, "iat": claims["iat"] - 700, "exp": claims["exp"] - 700}

    assert Caller(token=good).get(WHOAMI).json()["user_name"] == "ada"
    refused(jwt.encode(past, display_key(), "HS256"))
    refused(jwt.encode(claims, "tests-only-but-thirty-two-bytes!", "HS256"))
    refused(swapped(good, sub=str(bob.user.pk)))
    refused(unsigned(good))


FORGERIES = {
    "which has expired": {"exp": 1_000_000_000},
    "which is not valid yet": {"nbf": 4_000_000_000},
    "of another issuer": {"iss": "https://login.evil.example.org"},
    "without an issuer": {"iss": None},
    "without an end": {"exp": None},
    "without a subject": {"sub": None},
    "for another service": {"aud": "another"},
    "for nobody, of an unknown client": {"aud": None, "client_id": "another"},
    "of a program": {"sub": "esap"},
    "that is an ID token": {"nonce": "n", "client_id": None, "scope": None},
    "of a user who is a number": {"sub": 1},
    "with an end beyond all time": {"exp": 1e999},
}


@pytest.mark.parametrize("claims", FORGERIES.values(), ids=FORGERIES)
def test_an_access_token_is_refused(claims, ada, provider):
    refused(provider.sign(**claims))


def test_an_access_token_is_refused_that_the_provider_did_not_sign(ada, provider):
    good = provider.sign()

    refused(provider.sign(new_key()))
    refused(provider.sign(new_key(), headers={"kid": "another"}))
    refused(provider.sign(headers={"jku": "https://evil.example.org/keys", "kid": "another"}))
    refused(swapped(good, sub="bob-1"))
    refused(unsigned(good))
    refused(good[:-4])

    assert Caller(token=good).get(WHOAMI).json()["user_name"] == "ada-2"


def test_no_token_opens_a_closed_account(ada, provider):
    of_api, shown = ada.make_token("read", "write"), ada.display_token()
    User.objects.filter(pk=ada.user.pk).update(issuer=provider.url, subject="ada-1")
    operator = make_user("operator", role="operator")

    deactivate(User.objects.get(username="ada"), by=operator)

    for token in (of_api.token, shown.token, provider.sign()):
        refused(token)
    assert ada.get(WHOAMI).json()["authenticated"] is False


def test_a_token_counts_in_one_header_and_nowhere_else(ada, provider):
    token = ada.make_token("read", "write").token
    stranger = Caller()

    in_the_address = stranger.get(f"{WHOAMI}?access_token={token}")
    ways = [
        stranger.get(WHOAMI, authorization=f"Token {token}"),
        stranger.get(WHOAMI, authorization=f"Basic {base64.b64encode(b'ada:pw').decode()}"),
        stranger.get(WHOAMI, x_auth_token=token, cookie=f"access_token={token}"),
    ]

    assert verdict(in_the_address) == (400, "invalid-request")
    assert [answer.json()["authenticated"] for answer in ways] == [False] * 3


def test_a_key_that_was_put_into_a_browser_is_not_the_one_after_the_login(provider, configured):
    victim = Caller()
    victim.post(ITEMS, ITEM)
    put_there = victim.http.cookies["sessionid"].value

    assert provider.log_in(victim.http).status_code == 302

    assert victim.http.cookies["sessionid"].value != put_there
    assert victim.get(WHOAMI).json()["user_name"] == "ada"
    attacker = Caller()
    attacker.http.cookies["sessionid"] = put_there
    assert attacker.get(WHOAMI).json()["authenticated"] is False
    assert attacker.get(ITEMS).json()["results"] == []


def test_a_session_has_ended_when_its_user_has_logged_out(provider, configured):
    browser = Caller()
    provider.log_in(browser.http)
    kept = browser.http.cookies["sessionid"].value

    browser.post("/esap-api/oidc/logout")

    thief = Caller()
    thief.http.cookies["sessionid"] = kept
    assert thief.get(WHOAMI).json()["authenticated"] is False
    assert not Grant.objects.exists()


def test_a_login_that_was_begun_elsewhere_is_refused(provider, configured):
    attacker, victim = Caller(), Caller()
    attackers_state = provider.begin(attacker.http)
    own_state = provider.begin(victim.http)

    for state in (attackers_state, "", "a-guess"):
        answer = victim.get(f"{CALLBACK}?code=a-code&state={state}")
        assert verdict(answer) == (403, "login-failed")
    answer = victim.get(f"{CALLBACK}?code=a-code&state={own_state}&iss=https://evil.example.org")
    assert verdict(answer) == (403, "login-failed")

    assert victim.get(WHOAMI).json()["authenticated"] is False
    assert not User.objects.exists()
    assert provider.asked("/token") == 0


LIES = {
    "for another login": {"nonce": "another"},
    "for another client": {"aud": "another"},
    "for many, of another client": {"aud": ["esap", "another"], "azp": "another"},
    "of another issuer": {"iss": "https://login.evil.example.org"},
    "which has expired": {"exp": 1_000_000_000},
}


@pytest.mark.parametrize("claims", LIES.values(), ids=LIES)
def test_an_id_token_is_refused(claims, provider, configured, db):
    browser = Caller()
    state = provider.begin(browser.http)
    provider.tokens = {"id_token": provider.id_token(**claims)}

    answer = browser.get(f"{CALLBACK}?code=a-code&state={state}")

    assert verdict(answer) == (403, "login-failed")
    assert (User.objects.count(), Grant.objects.count()) == (0, 0)
    assert [event.action for event in AuditEvent.objects.all()] == ["login.refused"]


@pytest.mark.parametrize("page", ["/esap-api/oidc/local", "/esap-api/admin/login/"])
def test_nobody_guesses_passwords_where_they_are_not_wanted(page, db, settings):
    settings.LOCAL_LOGIN = False  # as in production, unless the operator says otherwise
    User.objects.create_superuser("root", password=PASSWORD)
    browser = Caller()

    answer = browser.send_form(page, {"username": "root", "password": PASSWORD, "next": "/"})

    assert answer.status_code == (404 if "local" in page else 200)
    assert "sessionid" not in browser.http.cookies
    assert browser.get(WHOAMI).json()["authenticated"] is False
