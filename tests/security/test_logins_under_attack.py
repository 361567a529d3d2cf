"""What a provider, a stranger or an unlucky moment can do to a login, and must not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts import authentication
from accounts.backends.base import providers
from accounts.models import Basket, Grant, PeerToken, Session, User
from accounts.tasks import purge
from accounts.tokens import token_for
from esap.errors import LoginAgain
from tests.security.callers import OUR_PAGE, Caller, verdict
from tests.support.fakes.openid import as_json

pytestmark = pytest.mark.django_db

AUTHENTICATE = "/esap-api/oidc/authenticate"
DISCOVERY = "/.well-known/openid-configuration"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ITEMS = "/esap-api/accounts/basket/items/"
WHOAMI = "/esap-api/accounts/whoami/"
LATER = timedelta(minutes=16)


@pytest.fixture
def tells(provider, configured):
    """A function that has the provider tell something else of itself."""

    def tell(**changes):
        provider.says[DISCOVERY] = as_json({**provider._discovery(), **changes})

    return tell


@pytest.mark.parametrize("name", ["end_session_endpoint", "authorization_endpoint", "jwks_uri"])
@pytest.mark.parametrize("place", ["javascript:alert(1)//", "data:text/html,x", "/x", "file:///x"])
def test_a_provider_makes_no_link_but_to_the_web(name, place, tells):
    tells(**{name: place})

    answer = Caller().get(AUTHENTICATE)

    assert verdict(answer) == (502, "unreadable-answer")


def test_a_login_keeps_the_query_that_the_providers_address_has(provider, tells):
    tells(authorization_endpoint=f"{provider.url}/authorize?policy=a%20b")

    there = Caller().http.get(AUTHENTICATE).url

    assert there.startswith(f"{provider.url}/authorize?policy=a%20b&response_type=code&")


def test_a_login_that_ends_during_an_exchange_is_not_brought_back(provider, tells, monkeypatch):
    tells(grant_types_supported=[EXCHANGE])
    provider.log_in(Caller().http)
    server = providers.for_gateway().get("fake")
    exchange = server.exchange

    def forgotten_meanwhile(*args, **known):
        tokens = exchange(*args, **known)
        Grant.objects.all().delete()
        return tokens

    monkeypatch.setattr(server, "exchange", forgotten_meanwhile)

    with pytest.raises(LoginAgain):
        token_for(User.objects.get(), "rucio")

    connection.check_constraints()
    assert not PeerToken.objects.exists()


def test_a_session_ends_with_the_login_that_makes_room(provider, configured, monkeypatch):
    monkeypatch.setattr("accounts.tokens.keeping.MOST_LOGINS", 2)
    browsers = [Caller() for _ in range(3)]

    for browser in browsers:
        provider.log_in(browser.http)

    living = [browser.get(WHOAMI).json()["authenticated"] for browser in browsers]
    assert living == [False, True, True]


def test_a_login_that_is_only_begun_is_kept_for_a_quarter_of_an_hour(provider, configured):
    provider.begin(Caller().http)

    assert Session.objects.get().expire_date < timezone.now() + LATER


def test_a_login_that_is_ended_is_kept_as_long_as_any(provider, configured):
    browser = Caller()

    provider.log_in(browser.http)

    assert Session.objects.get().expire_date > timezone.now() + timedelta(days=13)


def test_a_visitor_who_began_a_login_keeps_a_basket_as_long_as_any(provider, configured):
    browser = Caller()
    provider.begin(browser.http)

    browser.post(ITEMS, {"archive": "a", "record": {"n": 1}}, **OUR_PAGE)

    assert Basket.objects.exists()
    assert Session.objects.get().expire_date > timezone.now() + timedelta(days=13)


def test_one_address_has_8_made_up_tokens_asked_about_at_once(provider, configured):
    for _ in range(8):
        authentication._asked.take("127.0.0.1", 8)
    try:
        answer = Caller(token="made-up-" * 3).get(WHOAMI)
    finally:
        for _ in range(8):
            authentication._asked.give_back("127.0.0.1")

    assert verdict(answer) == (429, "too-many-requests")
    assert provider.asked("/introspect") == 0


def test_a_program_of_keycloak_is_no_user(provider, configured):
    provider.claims = {"sub": "7f1c", "preferred_username": "service-account-robot"}
    token = provider.sign(client_id=None, azp="Robot")

    answer = Caller(token=token).get(WHOAMI)

    assert verdict(answer) == (401, "invalid-token")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("days", "lives", "kept"),
    [
        pytest.param(31, False, False, id="nobody needs it"),
        pytest.param(31, True, True, id="its session lives"),
        pytest.param(29, False, True, id="a job may need it"),
    ],
)
def test_a_login_that_nobody_needs_any_more_is_forgotten(days, lives, kept, provider, configured):
    provider.log_in(Caller().http)
    Grant.objects.update(created=timezone.now() - timedelta(days=days))
    if not lives:
        Session.objects.update(expire_date=timezone.now())

    purge()

    assert Grant.objects.exists() == kept
    assert provider.asked("/revoke") == int(not kept)
