"""Logging out: here, at the provider, and because the provider says so."""

import json
import re
import time
from html import unescape
from urllib.parse import parse_qs

import pytest

from accounts.models import AuditEvent, Grant, PeerToken, User
from accounts.tokens import token_for
from esap.errors import LoginAgain
from tests.support.accounts import Browser
from tests.support.fakes.http import FakePeer, answer
from tests.support.iam import log_in_at, parameters_of, send_form

pytestmark = pytest.mark.django_db

LOGOUT = "/esap-api/oidc/logout"
WHOAMI = "/esap-api/accounts/whoami/"
OURS = {"sec-fetch-site": "same-origin"}
CHALLENGE = {
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
"""The example of RFC 7636, Appendix B."""
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def is_logged_in(browser):
    return browser.get(WHOAMI).json()["authenticated"]


def is_logged_in_there(browser, provider):
    url = provider.authorize_url(prompt="none", **CHALLENGE)
    return "code" in parameters_of(log_in_at(browser.provider, url, "nobody"))


def log_out(browser):
    """Log out here; return where the answer sends the browser."""
    answer = browser.gateway.post(LOGOUT, headers=OURS)
    assert answer.status_code == 200
    refresh = re.search(r'<meta http-equiv="refresh" content="0; url=(.*?)">', answer.text)
    return unescape(refresh[1])


def confirm(browser, url):
    """Go to the provider's logout and press the button there; return where it leads."""
    page = browser.provider.get(url, timeout=10)
    return send_form(browser.provider, page, logout="yes").headers["location"]


@pytest.fixture
def logged_in(gateway, browser):
    browser.log_in("alice")
    return browser


def test_a_logout_ends_the_session_here_and_at_the_provider(gateway, logged_in):
    assert is_logged_in_there(logged_in, gateway)

    there = log_out(logged_in)
    back = confirm(logged_in, there)

    assert there.startswith(gateway.discovery["end_session_endpoint"])
    assert back == "http://testserver/"
    assert not is_logged_in(logged_in)
    assert not is_logged_in_there(logged_in, gateway)


def test_a_logout_says_whose_it_is_so_that_the_provider_need_not_ask(gateway, logged_in):
    address = parameters_of(log_out(logged_in))

    assert gateway.claims(address["id_token_hint"])["sub"] == gateway.users()["alice"]["sub"]
    assert address["client_id"] == "esap"


def test_a_user_comes_back_to_where_the_operator_says(gateway, logged_in, settings):
    settings.LOGOUT_REDIRECT = "/esap-gui/"

    assert confirm(logged_in, log_out(logged_in)) == "http://testserver/esap-gui/"


def test_a_logout_forgets_and_revokes_the_tokens(own, configured, browser):
    configured(own)
    browser.log_in("alice")
    alice = User.objects.get()
    token = token_for(alice).token

    log_out(browser)

    assert not Grant.objects.exists()
    assert not PeerToken.objects.exists()
    assert own.hits()["/revoke"] == 1
    assert own.introspect(token) == {"active": False}
    with pytest.raises(LoginAgain):
        token_for(alice)


def test_a_logout_leaves_the_login_in_another_browser(gateway, logged_in):
    elsewhere = Browser()
    elsewhere.log_in("alice")

    log_out(logged_in)

    assert is_logged_in(elsewhere)
    assert not is_logged_in(logged_in)
    assert gateway.introspect(token_for(User.objects.get(), "rucio").token)["active"] is True


def test_a_session_that_was_logged_out_is_worth_nothing(logged_in):
    key = logged_in.gateway.session.session_key

    log_out(logged_in)

    thief = Browser()
    thief.gateway.cookies["sessionid"] = key
    assert not is_logged_in(thief)


def test_a_logout_is_in_the_audit_log(logged_in):
    log_out(logged_in)

    assert AuditEvent.objects.get(action="logout").username == "alice"


def test_a_program_gets_the_address_of_the_providers_logout(gateway, logged_in):
    answer = logged_in.gateway.post(LOGOUT, headers={"accept": "application/json", **OURS})

    assert answer.status_code == 200
    address = json.loads(answer.content)["logout_url"]
    assert address.startswith(gateway.discovery["end_session_endpoint"])


@pytest.mark.parametrize("method", ["get", "head", "put"])
def test_a_look_logs_nobody_out(logged_in, method):
    answer = getattr(logged_in.gateway, method)(LOGOUT, headers=OURS)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert is_logged_in(logged_in)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example", **OURS},
    ],
)
def test_a_page_of_another_site_logs_nobody_out(logged_in, headers):
    answer = logged_in.gateway.post(LOGOUT, headers=headers)

    assert answer.status_code == 403
    assert is_logged_in(logged_in)
    assert Grant.objects.exists()


def test_who_is_not_logged_in_is_sent_home(gateway, browser):
    assert log_out(browser) == "http://testserver/"
    assert not AuditEvent.objects.exists()


def test_a_local_account_logs_out_here(gateway, browser):
    user = User.objects.create_user("local")
    browser.gateway.force_login(user, "django.contrib.auth.backends.ModelBackend")

    assert log_out(browser) == "http://testserver/"
    assert not is_logged_in(browser)


def test_a_provider_that_is_away_does_not_keep_anybody_in(own, configured, browser):
    configured(own)
    browser.log_in("alice")

    own.fault("/revoke", status=503, times=3)
    log_out(browser)

    assert not is_logged_in(browser)
    assert not Grant.objects.exists()


@pytest.fixture(scope="module")
def told():
    """Where the provider tells that a session has ended, in the gateway's place."""
    with FakePeer(answer()) as place:
        yield place


@pytest.fixture
def ended(own, configured, told):
    """A function that logs a browser out at the provider; returns the token that tells of it."""
    own.settings(backchannel_logout_uri=f"{told.url}backchannel-logout")
    configured(own)

    def end(browser):
        told.heard.clear()
        page = browser.provider.get(own.discovery["end_session_endpoint"], timeout=10)
        send_form(browser.provider, page, logout="yes")
        return parse_qs(told.heard[0].body.decode())["logout_token"][0]

    return end


def tell(token, provider="iam"):
    """Tell the gateway as the provider does: with no session and no origin."""
    path = f"/esap-api/oidc/backchannel-logout/{provider}"
    return Browser().gateway.post(path, {"logout_token": token})


def test_a_provider_ends_a_session_here_and_no_other(own, ended, browser):
    browser.log_in("alice")
    elsewhere = Browser()
    elsewhere.log_in("alice")

    answer = tell(ended(browser))

    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert not is_logged_in(browser)
    assert is_logged_in(elsewhere)
    assert Grant.objects.count() == 1
    assert AuditEvent.objects.get(action="login.ended").detail == {"server": "iam"}


def test_a_logout_told_without_a_session_ends_all_of_the_user(own, ended, browser):
    browser.log_in("alice")
    elsewhere, bob = Browser(), Browser()
    elsewhere.log_in("alice")
    bob.log_in("bob")
    claims = own.claims(ended(browser))

    answer = tell(mint_logout(own, claims, sid=None))

    assert answer.status_code == 200
    assert [is_logged_in(each) for each in (browser, elsewhere, bob)] == [False, False, True]


def mint_logout(provider, claims, **changes):
    """Sign a logout token like the provider's own one, but for the changes."""
    now = int(time.time())
    return provider.mint(
        **{"client_id": None, "scope": None, "nbf": None, **claims, "exp": now + 120, **changes}
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": "other"}, id="it is for another client"),
        pytest.param({"iss": "https://evil.example"}, id="another issuer made it"),
        pytest.param({"events": None}, id="it tells of no event"),
        pytest.param({"events": {"https://schemas.openid.net/risc": {}}}, id="another event"),
        pytest.param({"events": EVENT}, id="its event is no map"),
        pytest.param({"nonce": "x"}, id="it has the nonce of an ID token"),
        pytest.param({"sub": None, "sid": None}, id="it says of nobody"),
        pytest.param({"exp": 1}, id="it has expired"),
        pytest.param({"exp": None}, id="it never expires"),
        pytest.param({"jti": None}, id="it has no id"),
        pytest.param({"alg": "none"}, id="it is not signed"),
        pytest.param({"alg": "HS256"}, id="it is signed with the public key as a secret"),
        pytest.param({"kid": "unheard-of"}, id="its key is unknown"),
    ],
)  # fmt: skip
def test_a_logout_token_is_not_believed(own, ended, browser, changes):
    browser.log_in("alice")
    claims = own.claims(ended(browser))

    answer = tell(mint_logout(own, claims, **changes))

    assert answer.status_code == 400
    assert "The logout token cannot be believed" in answer.content.decode()
    assert is_logged_in(browser)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_logout_token_is_refused(own, ended, token):
    assert tell(token).status_code == 400


def test_an_id_token_ends_no_session(own, ended, browser):
    browser.log_in("alice")

    assert tell(own.log_in("alice")["id_token"]).status_code == 400
    assert is_logged_in(browser)


def test_a_provider_speaks_for_its_own_logins_only(own, ended, browser):
    browser.log_in("alice")
    token = ended(browser)
    Grant.objects.update(server="uni")

    assert tell(token).status_code == 200
    assert tell(token, provider="uni").status_code == 404
    assert is_logged_in(browser)
