"""Tokens for peers in a user's name: kept ones, and new ones by refresh or exchange.

They are asked for as a worker does: hours after the login, and outside of any request.
"""

from dataclasses import replace

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.authentication import BearerTokens
from accounts.models import AuditEvent, Grant, PeerToken, User
from accounts.tokens import token_for
from esap.backends.deadline import within
from esap.errors import BackendRefused, LoginAgain
from tests.support.accounts import Browser

pytestmark = pytest.mark.django_db

ANY = "https://wlcg.cern.ch/jwt/v1/any"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@pytest.fixture
def logged_in(own, configured, browser):
    """A function that logs Alice in at a provider with an entry as given, and returns her."""

    def log_in(client="esap", **changes):
        configured(own, client, **changes)
        browser.log_in("alice")
        own.forget_hits()
        return User.objects.get()

    return log_in


@pytest.fixture
def alice(logged_in):
    return logged_in()


def test_the_logins_own_token_is_given_without_a_call(own, alice):
    given = token_for(alice)

    assert own.claims(given.token)["client_id"] == "esap"
    assert own.introspect(given.token)["active"] is True
    assert own.grants() == {}


def test_a_token_for_rucio_is_exchanged_once_and_kept(own, alice):
    first = token_for(alice, "rucio", ["openid", "profile"])
    second = token_for(User.objects.get(), "rucio", ["profile", "openid"])

    claims = own.claims(first.token)
    assert (claims["aud"], claims["sub"]) == ("rucio", alice.subject)
    assert (claims["scope"], claims["act"]) == ("openid profile", {"sub": "esap"})
    assert second == first
    assert own.grants() == {EXCHANGE: 1}


def test_what_is_asked_for_otherwise_is_another_token(own, alice):
    given = [
        token_for(alice, "rucio", ["openid"]),
        token_for(alice, "rucio", ["openid", "profile"]),
        token_for(alice, "dirac", ["openid"]),
    ]

    told = [(own.claims(each.token)["aud"], own.claims(each.token)["scope"]) for each in given]
    assert told == [("rucio", "openid"), ("rucio", "openid profile"), ("dirac", "openid")]
    assert own.grants() == {EXCHANGE: 3}


def test_a_refresh_with_an_audience_is_iams_own_way(own, logged_in):
    alice = logged_in(tokens_by="refresh")

    audiences = ["rucio", "dirac", "jupyterhub", "rucio"]
    given = {audience: token_for(alice, audience) for audience in audiences}

    assert {audience: own.claims(each.token)["aud"] for audience, each in given.items()} == {
        "rucio": "rucio",
        "dirac": "dirac",
        "jupyterhub": "jupyterhub",
    }
    assert own.grants() == {"refresh_token": 3}


def test_a_provider_that_knows_no_exchange_is_asked_by_refresh(own, logged_in):
    document = own.discovery | {"grant_types_supported": ["authorization_code", "refresh_token"]}
    own.fault("/.well-known/openid-configuration", status=200, body=document)
    alice = logged_in()

    assert own.claims(token_for(alice, "rucio").token)["aud"] == "rucio"
    assert own.grants() == {"refresh_token": 1}


def test_each_refresh_token_is_used_once_and_its_successor_kept(own, alice):
    own.settings(access_token_ttl=2)
    sealed = [Grant.objects.get().refresh_token]

    for _ in range(3):
        PeerToken.objects.all().delete()
        token_for(alice)
        sealed.append(Grant.objects.get().refresh_token)

    assert len(set(sealed)) == 4
    assert own.grants() == {"refresh_token": 3}


def test_a_refresh_token_that_is_not_rotated_stays(own, alice):
    own.settings(rotate_refresh_tokens=False)
    PeerToken.objects.all().delete()

    token_for(alice)
    PeerToken.objects.all().delete()
    token_for(alice)

    assert own.grants() == {"refresh_token": 2}


def test_work_that_outlives_its_access_token_goes_on(own, logged_in):
    own.settings(access_token_ttl=2)
    alice = logged_in()

    given = [token_for(alice, "rucio") for _ in range(3)]

    assert len({each.token for each in given}) == 3
    assert own.introspect(given[-1].token)["active"] is True
    assert own.grants() == {"refresh_token": 3, EXCHANGE: 3}


def test_a_token_is_not_given_for_its_last_half_minute(own, logged_in):
    own.settings(access_token_ttl=29)
    alice = logged_in()

    token_for(alice)

    assert own.grants() == {"refresh_token": 1}


def test_a_token_that_the_peer_refused_is_not_given_again(own, alice):
    refused = token_for(alice, "rucio")

    other = token_for(alice, "rucio", instead_of=refused.token)

    assert other.token != refused.token
    assert token_for(alice, "rucio", instead_of=refused.token) == other
    assert token_for(alice, "rucio") == other
    assert own.grants() == {EXCHANGE: 2}


def test_a_revoked_access_token_is_noticed_and_a_new_one_exchanged(own, alice):
    own.revoke(token_for(alice).token)

    given = token_for(alice, "rucio")

    assert own.claims(given.token)["aud"] == "rucio"
    assert own.grants() == {EXCHANGE: 2, "refresh_token": 1}


@pytest.mark.parametrize("way", ["exchange", "refresh"])
def test_what_the_provider_does_not_give_is_told_and_the_login_stays(own, logged_in, way):
    alice = logged_in(tokens_by=way)

    with pytest.raises(BackendRefused, match=r"does not give this token \(invalid_target\)"):
        token_for(alice, "nowhere")

    assert own.introspect(token_for(alice).token)["active"] is True
    assert Grant.objects.exclude(refresh_token="").count() == 1


def test_a_login_that_is_alive_is_not_ended_by_an_exchange_that_is_refused(own, alice):
    PeerToken.objects.all().delete()
    own.fault("/token", status=200, body={"access_token": "x" * 20, "expires_in": 300})
    token_for(alice)  # which the provider will not know
    PeerToken.objects.update(expires="2020-01-01T00:00:00Z")
    own.fault("/token", status=200, body={"access_token": "y" * 20, "expires_in": 300})

    with pytest.raises(BackendRefused, match="does not exchange your login for rucio"):
        token_for(alice, "rucio")

    assert Grant.objects.exclude(refresh_token="").count() == 1


def test_of_several_logins_any_that_lives_will_do(own, alice):
    Browser().log_in("alice")
    older, newer = Grant.objects.order_by("created")
    PeerToken.objects.all().delete()
    Grant.objects.filter(pk=newer.pk).update(refresh_token="")

    assert own.claims(token_for(alice).token)["sub"] == alice.subject
    assert Grant.objects.get(pk=older.pk).refreshed


def test_a_caller_who_has_no_time_does_not_end_the_login(own, alice):
    PeerToken.objects.all().delete()
    own.fault("/token", delay=0.6)

    with within(0.2) as scope:
        given = token_for(alice)

        assert scope.over
    assert own.introspect(given.token)["active"] is True
    PeerToken.objects.all().delete()
    assert token_for(alice).token != given.token


def test_tokens_given_are_in_the_audit_log_and_the_tokens_are_not(own, alice):
    given = token_for(alice, "rucio", ["openid"])
    token_for(alice, "rucio", ["openid"])

    event = AuditEvent.objects.get(action="peer-token.issued")
    assert event.detail == {"server": "iam", "audience": "rucio", "scope": "openid"}
    assert given.token not in repr(given)


def test_tokens_at_rest_are_sealed_for_their_place(own, alice):
    given = token_for(alice, "rucio")
    row = PeerToken.objects.get(audience="rucio")
    assert given.token not in row.token

    # Moved to where somebody who may write to the database would like to have it.
    PeerToken.objects.filter(audience="").update(token=row.token)

    own.forget_hits()
    assert own.claims(token_for(alice).token)["aud"] == ANY
    assert own.grants() == {"refresh_token": 1}


def who_came_with(token):
    """Return the user of a request with a bearer token, as a view has them."""
    request = APIRequestFactory().get("/", headers={"authorization": f"Bearer {token}"})
    user, _ = BearerTokens().authenticate(Request(request))
    return user


@pytest.fixture
def token(own, configured):
    """A token for us of Bob, who never logged in here."""
    configured(own, audiences=["esap", "dirac"])
    return own.log_in("bob", audience="esap")["access_token"]


@pytest.fixture
def bob(own, token):
    bob = who_came_with(token)
    own.forget_hits()
    return bob


def test_the_token_that_a_caller_came_with_is_exchanged_where_there_is_no_login(own, bob):
    given = token_for(bob, "rucio", ["openid"])

    claims = own.claims(given.token)
    assert (claims["sub"], claims["aud"], claims["scope"]) == (bob.subject, "rucio", "openid")
    assert abs(given.expires.timestamp() - claims["exp"]) < 30
    issued = AuditEvent.objects.get(action="peer-token.issued")
    assert (issued.user, issued.detail["audience"]) == (bob, "rucio")
    assert not PeerToken.objects.exists()


def test_the_token_that_a_caller_came_with_is_given_if_it_is_for_that_peer(own, token):
    for_dirac = own.log_in("bob", audience="dirac")["access_token"]
    bob = who_came_with(for_dirac)
    own.forget_hits()

    assert token_for(bob, "dirac", ["openid"]).token == for_dirac
    assert own.grants() == {}


def test_the_token_that_a_caller_came_with_is_exchanged_if_its_scopes_are_not_enough(own, token):
    for_dirac = own.log_in("bob", audience="dirac")["access_token"]
    bob = who_came_with(for_dirac)

    given = token_for(bob, "dirac", ["compute.read"])

    assert own.claims(given.token)["scope"] == "compute.read"


def test_the_token_that_a_caller_came_with_is_not_given_to_a_peer_that_refused_it(own, token):
    for_dirac = own.log_in("bob", audience="dirac")["access_token"]
    bob = who_came_with(for_dirac)

    assert token_for(bob, "dirac", instead_of=for_dirac).token != for_dirac


@pytest.mark.parametrize("audience", ["rucio", ""])
def test_a_token_that_a_caller_came_with_and_that_was_revoked_is_no_login(
    own, bob, token, audience
):
    own.revoke(token)

    with pytest.raises(LoginAgain, match="Log in again at /esap-api/oidc/authenticate"):
        token_for(bob, audience)


def test_a_token_that_a_caller_came_with_is_not_used_after_its_end(own, bob):
    vars(bob)["presented"] = replace(vars(bob)["presented"], expires=1.0)

    with pytest.raises(LoginAgain):
        token_for(bob, "rucio")
    assert own.grants() == {}


def test_a_login_that_is_kept_wins_over_the_token_that_a_caller_came_with(own, alice):
    token = own.log_in("alice", audience="esap")["access_token"]
    caller = who_came_with(token)

    token_for(caller, "rucio")

    assert PeerToken.objects.get(audience="rucio").grant.user == alice


def test_a_provider_that_knows_no_exchange_leaves_a_caller_without_a_login(own, token, configured):
    configured(own, tokens_by="refresh")

    with pytest.raises(LoginAgain):
        token_for(who_came_with(token), "rucio")


def test_a_user_who_never_logged_in_is_told_to(own, configured):
    configured(own)

    with pytest.raises(LoginAgain, match="Log in again at /esap-api/oidc/authenticate"):
        token_for(User.objects.create_user("local"), "rucio")


def test_a_closed_account_gets_no_tokens(own, alice):
    User.objects.update(is_active=False)

    with pytest.raises(LoginAgain):
        token_for(User.objects.get(), "rucio")
    assert own.grants() == {}
