"""Logins whose tokens come to an end: ended, lost, locked away, or only out of reach."""

import uuid
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.backends.base import providers
from accounts.models import AuditEvent, Grant, PeerToken, User
from accounts.tokens import connection_token, forget_session, token_for
from accounts.tokens.lease import held
from esap.errors import BackendTimedOut, BackendUnavailable, LoginAgain, NotConnected
from tests.support.accounts import Browser
from tests.support.iam import log_in_at

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(breakable, browser):
    """Alice, who has logged in, and whose kept tokens are too old."""
    return log_in(breakable, browser)


def log_in(provider, browser):
    browser.log_in("alice")
    outdate()
    provider.forget_hits()
    return User.objects.get()


def outdate():
    PeerToken.objects.update(expires=timezone.now())


def assert_login_again(user):
    with pytest.raises(LoginAgain) as raised:
        token_for(user, "rucio")
    assert raised.value.detail == (
        "This needs a login that has not ended, so that the gateway can ask for a token in your "
        "name. Log in again at /esap-api/oidc/authenticate, and try again."
    )


def test_a_login_that_was_revoked_is_ended_once_and_for_all(breakable, alice):
    breakable.revoke_user("alice")

    for _ in range(3):
        assert_login_again(alice)

    assert breakable.grants() == {"refresh_token": 1}
    assert AuditEvent.objects.get(action="login.ended").detail == {"server": "iam"}
    assert not PeerToken.objects.exists()


def test_after_a_new_login_all_is_well_again(breakable, alice):
    breakable.revoke_user("alice")
    assert_login_again(alice)

    Browser().log_in("alice")

    assert breakable.claims(token_for(alice, "rucio").token)["aud"] == "rucio"


def test_a_login_that_has_ended_leaves_the_session_which_can_still_log_out(
    breakable, alice, browser
):
    breakable.revoke_user("alice")
    assert_login_again(alice)

    assert browser.get("/esap-api/accounts/whoami/").json()["user_name"] == "alice"
    key = browser.gateway.session.session_key
    server, hint = forget_session(key)
    assert (server, breakable.claims(hint)["sub"]) == ("iam", alice.subject)


def test_a_refresh_whose_answer_is_lost_ends_in_a_login_and_not_in_a_loop(
    breakable, alice, monkeypatch
):
    provider = providers.for_gateway().get("iam")
    refresh = provider.refresh

    def lost(*args, **known):
        refresh(*args, **known)
        raise BackendTimedOut("The provider gave a new refresh token, to nobody.")

    monkeypatch.setattr(provider, "refresh", lost)
    with pytest.raises(BackendTimedOut):
        token_for(alice, "rucio")
    monkeypatch.undo()

    for _ in range(3):
        assert_login_again(alice)
    assert breakable.grants() == {"refresh_token": 2}


def test_a_refresh_that_never_arrived_can_be_made_again(own, configured, browser):
    configured(own, timeout=0.4)
    alice = log_in(own, browser)
    own.fault("/token", delay=0.8)  # then it finds that we have hung up

    with pytest.raises(BackendTimedOut) as raised:
        token_for(alice, "rucio")

    assert raised.value.retryable is True
    configured(own)
    assert own.claims(token_for(alice, "rucio").token)["aud"] == "rucio"


def test_a_provider_that_is_away_ends_no_login(own, configured, browser):
    configured(own)
    alice = log_in(own, browser)

    own.stop()
    try:
        with pytest.raises(BackendUnavailable) as raised:
            token_for(alice, "rucio")
    finally:
        own.start()

    assert raised.value.retryable is True
    assert Grant.objects.exclude(refresh_token="").count() == 1
    assert own.claims(token_for(alice, "rucio").token)["aud"] == "rucio"
    assert not AuditEvent.objects.filter(action="login.ended").exists()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 500, "body": {"error": "server_error"}},
        {"status": 429},
        {"status": 400, "body": {"error": "temporarily_unavailable"}},
    ],
)
def test_a_provider_that_cannot_just_now_ends_no_login(breakable, alice, fault):
    breakable.fault("/token", **fault)

    with pytest.raises(BackendUnavailable):
        token_for(alice)

    assert breakable.introspect(token_for(alice).token)["active"] is True


def test_a_login_without_a_refresh_token_ends_with_its_access_token(own, configured, browser):
    configured(own, scopes=["openid", "profile"])
    browser.log_in("alice")
    alice = User.objects.get()
    own.forget_hits()
    assert token_for(alice).token

    outdate()

    assert_login_again(alice)
    assert own.grants() == {}
    assert not AuditEvent.objects.filter(action="login.ended").exists()


def test_tokens_under_a_key_that_is_gone_need_a_login_until_it_comes_back(
    breakable, alice, settings
):
    right = settings.VAULT_KEYS
    settings.VAULT_KEYS = ["another key"]
    assert_login_again(alice)
    assert breakable.grants() == {}

    settings.VAULT_KEYS = ["another key", *right]

    assert breakable.claims(token_for(alice, "rucio").token)["aud"] == "rucio"


def test_a_refresh_token_of_somebody_else_is_not_opened(breakable, alice):
    Browser().log_in("bob")
    bob = User.objects.get(username="bob")
    theirs = Grant.objects.get(user=alice).refresh_token
    Grant.objects.filter(user=bob).update(refresh_token=theirs)
    outdate()
    breakable.forget_hits()

    assert_login_again(bob)

    assert breakable.grants() == {}


def test_a_login_whose_entry_is_gone_needs_another(breakable, alice, settings):
    entries, settings.ENTRY_FILES = settings.ENTRY_FILES, []
    assert_login_again(alice)

    settings.ENTRY_FILES = entries

    assert token_for(alice, "rucio").token


def test_a_lease_of_a_killed_process_is_taken_over_when_it_runs_out(breakable, alice):
    soon = timezone.now() + timedelta(seconds=0.5)
    Grant.objects.update(lease=uuid.uuid4(), lease_until=soon)

    given = token_for(alice, "rucio")

    assert timezone.now() > soon
    assert breakable.claims(given.token)["aud"] == "rucio"
    assert Grant.objects.get().lease is None


def test_a_lease_that_is_held_for_too_long_is_a_passing_failure(alice, monkeypatch):
    Grant.objects.update(lease=uuid.uuid4(), lease_until=timezone.now() + timedelta(hours=1))

    with (
        pytest.raises(BackendUnavailable, match="Your tokens are being renewed just now"),
        held(Grant.objects.get().pk, seconds=0.05),
    ):
        pass


def test_whoever_lost_the_lease_writes_nothing(alice):
    grant = Grant.objects.get()
    with held(grant.pk, seconds=30) as lease:
        Grant.objects.update(lease=uuid.uuid4())

        assert lease.write(scope="stale") is False

    assert Grant.objects.get().scope == grant.scope
    assert Grant.objects.get().lease is not None


def test_a_login_that_ends_while_it_is_refreshed_is_not_brought_back(alice, monkeypatch):
    provider = providers.for_gateway().get("iam")
    refresh = provider.refresh

    def forgotten_meanwhile(*args, **known):
        tokens = refresh(*args, **known)
        Grant.objects.all().delete()
        return tokens

    monkeypatch.setattr(provider, "refresh", forgotten_meanwhile)

    assert_login_again(alice)

    assert not Grant.objects.exists()
    assert not PeerToken.objects.exists()


def test_the_oldest_of_too_many_logins_make_room(breakable, alice, monkeypatch):
    monkeypatch.setattr("accounts.tokens.keeping.MOST_LOGINS", 2)
    first = Grant.objects.get()

    for _ in range(2):
        Browser().log_in("alice")

    assert Grant.objects.count() == 2
    assert not Grant.objects.filter(pk=first.pk).exists()


@pytest.fixture
def connected(alice, browser):
    """Alice, who has connected to the hub, and whose tokens there are too old."""
    begun = browser.gateway.get("/esap-api/accounts/connections/hub/connect")
    browser.come_back(log_in_at(browser.provider, begun.url, "alice"))
    outdate()
    return alice


def test_a_connections_token_is_refreshed_and_kept(breakable, connected):
    breakable.forget_hits()

    first, second = connection_token(connected, "hub"), connection_token(connected, "hub")

    assert first == second
    assert breakable.claims(first.token)["client_id"] == "hub"
    assert breakable.grants() == {"refresh_token": 1}
    assert Grant.objects.get(kind="connection").refreshed


def test_a_connection_that_the_peer_ended_is_none_any_more(breakable, connected, browser):
    breakable.revoke_user("alice")

    with pytest.raises(NotConnected) as raised:
        connection_token(connected, "hub")

    assert raised.value.detail.startswith(
        "You are not connected to The hub. Connect at /esap-api/accounts/connections"
    )
    assert raised.value.extensions == {"connection": "hub"}
    assert AuditEvent.objects.get(action="connection.ended").detail == {"server": "hub"}
    shown = browser.get("/esap-api/accounts/connections/").json()["results"]
    assert [each["connected"] for each in shown] == [False]


def test_a_login_and_a_connection_end_apart(breakable, connected):
    Grant.objects.filter(kind="login").delete()

    assert_login_again(connected)

    assert connection_token(connected, "hub").token


def test_tokens_expire_by_the_providers_own_count(breakable, alice):
    token = token_for(alice).token

    kept = PeerToken.objects.get(audience="", expires__gt=F("grant__created"))
    assert abs(kept.expires.timestamp() - breakable.claims(token)["exp"]) < 30
