"""Logins at a real provider, from the first page to the last: who somebody is here then."""

import pytest

from accounts.models import AuditEvent, Grant, User
from tests.support.accounts import Browser
from tests.support.iam import parameters_of

pytestmark = pytest.mark.django_db

WHOAMI = "/esap-api/accounts/whoami/"


def test_a_user_logs_in_and_is_the_subject_of_the_issuer(gateway, browser):
    answer = browser.log_in("alice", f"?next={WHOAMI}")

    assert (answer.status_code, answer.url) == (302, WHOAMI)
    user = User.objects.get()
    assert (user.issuer, user.subject) == (gateway.url, gateway.users()["alice"]["sub"])
    assert (user.username, user.full_name, user.email) == (
        "alice",
        "Alice Astronomer",
        "alice@example.org",
    )
    assert user.group_names == {"escape", "escape/esap", "escape/esap/admins"}
    assert user.role == "admin"
    assert browser.get(WHOAMI).json()["user_name"] == "alice"
    assert AuditEvent.objects.filter(action="login", user=user).count() == 1
    assert Grant.objects.get().server == "iam"


def test_a_login_asks_for_a_code_with_pkce_a_state_and_a_nonce(gateway, browser):
    asked = parameters_of(browser.begin())

    assert asked["response_type"] == "code"
    assert asked["client_id"] == "esap"
    assert asked["scope"] == "openid profile email offline_access wlcg.groups"
    assert asked["redirect_uri"] == "http://testserver/esap-api/oidc/callback/"
    assert asked["code_challenge_method"] == "S256"
    assert (len(asked["state"]), len(asked["nonce"]), len(asked["code_challenge"])) == (32, 32, 43)


def test_a_login_may_ask_for_an_audience(idp, configured, browser):
    configured(idp, audience="rucio")

    assert parameters_of(browser.begin())["audience"] == "rucio"
    assert browser.log_in("alice").status_code == 302


def test_no_token_is_in_the_session_and_none_is_stored_in_clear(gateway, browser):
    browser.log_in("alice")

    session = dict(browser.gateway.session)
    grant = Grant.objects.get()
    stored = [grant.refresh_token, grant.id_token, *grant.tokens.values_list("token", flat=True)]
    assert "eyJ" not in repr(session)
    assert len(stored) == 3
    assert all(text.startswith("gAAAA") for text in stored)  # Fernet's version, 0x80


def test_a_user_without_mail_works(gateway, browser):
    assert browser.log_in("nomail").status_code == 302

    user = User.objects.get()
    assert (user.username, user.email) == ("nomail", "")


def test_mallory_with_alices_unverified_mail_gets_an_account_of_their_own(gateway, browser):
    browser.log_in("alice")

    mallory = Browser()
    mallory.log_in("mallory")

    assert mallory.get(WHOAMI).json()["user_name"] == "mallory"
    users = User.objects.order_by("pk")
    assert [user.email for user in users] == ["alice@example.org", ""]
    assert browser.get(WHOAMI).json()["user_name"] == "alice"


def test_a_user_called_alice_in_other_letters_does_not_become_alice(gateway, browser):
    browser.log_in("alice")

    other = Browser()
    other.log_in("alice2")

    assert other.get(WHOAMI).json()["user_name"] == "Alice-2"
    assert other.get(WHOAMI).json()["full_name"] == "Alice Other"
    assert User.objects.get(username="alice").full_name == "Alice Astronomer"


def test_a_name_may_have_a_dot_an_at_and_an_apostrophe(gateway, browser):
    browser.log_in("carol")

    assert browser.get(WHOAMI).json()["user_name"] == "carol.o'hara@example.org"


def test_a_second_login_is_the_same_user_and_keeps_their_name(breakable, browser):
    browser.log_in("bob")
    breakable.settings(users={"bob": {"preferred_username": "robert", "name": "Robert Builder"}})

    Browser().log_in("bob")

    user = User.objects.get()
    assert (user.username, user.full_name) == ("bob", "Robert Builder")


def test_groups_and_role_follow_the_provider_at_every_login(breakable, browser):
    browser.log_in("alice")
    breakable.settings(users={"alice": {"groups": ["/escape"]}})

    Browser().log_in("alice")

    user = User.objects.get()
    assert (user.group_names, user.role, user.is_staff) == ({"escape"}, "user", False)
    changed = AuditEvent.objects.filter(action="permissions.changed").first()
    assert changed.detail == {"before": "admin", "after": "user"}


@pytest.mark.parametrize("written", ["/escape/esap/admins", "escape/esap/admins"])
def test_a_group_may_be_written_with_or_without_a_slash(idp, configured, browser, written):
    configured(idp, admin_groups=[written])

    browser.log_in("alice")

    assert User.objects.get().role == "admin"


def test_entitlements_are_groups_too(idp, configured, browser):
    configured(idp, scopes=["openid", "eduperson_entitlement"])

    browser.log_in("alice")

    assert User.objects.get().group_names == {
        "urn:mace:egi.eu:group:escape:role=member#iam.example.org"
    }


def test_a_login_without_groups_has_none(idp, configured, browser):
    configured(idp, scopes=["openid", "profile"])

    browser.log_in("alice")

    user = User.objects.get()
    assert (user.group_names, user.role) == (frozenset(), "user")


@pytest.mark.parametrize("profile", ["wlcg", "iam"])
def test_both_of_iams_token_profiles_do(breakable, browser, profile):
    breakable.settings(profile=profile)

    assert browser.log_in("alice").status_code == 302

    assert User.objects.get().group_names >= {"escape", "escape/esap"}


@pytest.mark.parametrize(
    ("client", "changes"),
    [
        ("esap-post", {"client_authentication": "client_secret_post"}),
        ("esap-es256", {}),
        ("esap-opaque", {}),
    ],
)
def test_a_client_may_be_registered_otherwise(idp, configured, browser, client, changes):
    configured(idp, client, **changes)

    assert browser.log_in("bob").status_code == 302
    assert User.objects.get().username == "bob"


def test_one_login_costs_one_call_of_each_kind(breakable, browser):
    browser.log_in("alice")
    breakable.forget_hits()

    Browser().log_in("bob")

    hits = breakable.hits()
    assert {path: hits.get(path, 0) for path in ("/token", "/userinfo", "/jwk")} == {
        "/token": 1,
        "/userinfo": 1,
        "/jwk": 0,
    }
    assert "/.well-known/openid-configuration" not in hits
