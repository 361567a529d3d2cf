"""Callers with an access token of the login provider: who they are, and what it opens."""

import pytest

from accounts.models import AuditEvent, User
from tests.support.accounts import Browser, Caller, provider_entry

pytestmark = pytest.mark.django_db

PROFILES = "/esap-api/accounts/user-profiles/"
ANY = "https://wlcg.cern.ch/jwt/v1/any"


def test_a_caller_who_was_never_here_becomes_a_user(breakable):
    token = breakable.log_in("alice", audience="esap")["access_token"]
    breakable.forget_hits()

    first, second = Caller(token).who().json(), Caller(token).who().json()

    user = User.objects.get()
    assert first == second
    assert (first["user_name"], first["full_name"]) == ("alice", "Alice Astronomer")
    assert (user.issuer, user.subject) == (breakable.url, breakable.users()["alice"]["sub"])
    assert user.email == "alice@example.org"
    assert breakable.hits()["/userinfo"] == 1


def test_a_newcomer_has_the_groups_of_the_token_for_good_and_the_role_that_they_give(breakable):
    token = breakable.log_in("alice", audience="esap")["access_token"]
    # As IAM, whose userinfo leaves out what its own profile calls groups.
    told = {"sub": breakable.users()["alice"]["sub"], "preferred_username": "alice"}
    breakable.fault("/userinfo", status=200, body=told)

    Caller(token).who()

    user = User.objects.get()
    assert user.claimed_groups == ["escape", "escape/esap", "escape/esap/admins"]
    assert user.role == "admin"


def test_a_newcomers_groups_are_marked_once_as_their_providers(idp, configured):
    configured(idp, group_prefix="uni:")
    token = idp.log_in("bob", audience="esap")["access_token"]

    Caller(token).who()

    assert User.objects.get().claimed_groups == ["uni:escape"]


def test_a_caller_with_a_token_is_the_user_who_logged_in(gateway, browser):
    browser.log_in("alice")

    said = Caller(gateway.log_in("alice", audience="esap")["access_token"]).who().json()

    assert said["user_name"] == "alice"
    assert User.objects.count() == 1


def test_the_groups_of_a_token_hold_for_its_request_only(gateway, browser):
    browser.log_in("alice")
    user = User.objects.get()
    token = gateway.mint(**{"wlcg.groups": ["/escape"]})

    said = Caller(token).who().json()

    assert said["groups"] == ["escape"]
    assert User.objects.get().claimed_groups == user.claimed_groups
    assert browser.get("/esap-api/accounts/whoami/").json()["groups"] == sorted(user.group_names)


def test_a_token_that_says_nothing_of_groups_leaves_those_of_the_login(gateway, browser):
    browser.log_in("alice")

    said = Caller(gateway.mint()).who().json()

    assert said["groups"] == ["escape", "escape/esap", "escape/esap/admins"]


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("groups", ["escape", "/escape/esap"]),
        ("eduperson_entitlement", ["urn:mace:egi.eu:group:escape#iam"]),
        ("eduperson_entitlement", "urn:mace:egi.eu:group:escape#iam"),
    ],
)
def test_groups_are_read_from_each_claim_that_may_name_them(gateway, browser, claim, groups):
    browser.log_in("alice")

    said = Caller(gateway.mint(**{claim: groups})).who().json()

    wanted = [groups] if isinstance(groups, str) else groups
    assert said["groups"] == sorted(name.removeprefix("/") for name in wanted)


def test_mallory_with_alices_mail_is_not_alice_by_token_either(gateway, browser):
    browser.log_in("alice")

    said = Caller(gateway.log_in("mallory", audience="esap")["access_token"]).who().json()

    assert (said["user_name"], said["email"]) == ("mallory", "")


def test_a_token_of_another_client_for_us_is_accepted(gateway):
    token = gateway.log_in("alice", client="jupyterhub", audience="esap")["access_token"]

    assert Caller(token).who().json()["user_name"] == "alice"


@pytest.mark.parametrize("client", ["other", "esap"])
def test_a_token_for_anybody_is_not_for_us(gateway, client):
    token = gateway.log_in("alice", client=client)["access_token"]
    assert gateway.claims(token)["aud"] == ANY

    answer = Caller(token).who()

    assert (answer.status_code, User.objects.count()) == (401, 0)
    assert answer.json()["detail"].startswith("Your access token was made for another service.")


def test_a_token_for_anybody_is_for_us_if_an_allowed_client_got_it(idp, configured):
    configured(idp, clients=["esap-cli"])
    asked = idp.device_code(scope="openid profile")
    idp.approve(asked["verification_uri_complete"], "alice")
    device = "urn:ietf:params:oauth:grant-type:device_code"
    token = idp.token("esap-cli", grant_type=device, device_code=asked["device_code"]).json()[
        "access_token"
    ]
    assert idp.claims(token)["aud"] == ANY

    assert Caller(token).who().json()["user_name"] == "alice"
    assert Caller(idp.log_in("bob", client="other")["access_token"]).who().status_code == 401


def test_a_token_that_names_no_audience_is_asked_for_and_its_client_must_be_allowed(
    breakable, configured
):
    breakable.settings(profile="iam")
    configured(breakable, clients=["jupyterhub"])
    allowed, other = (
        breakable.log_in("alice", client=client)["access_token"]
        for client in ("jupyterhub", "other")
    )
    assert "aud" not in breakable.claims(allowed)
    breakable.forget_hits()

    assert Caller(allowed).who().json()["groups"] == ["escape", "escape/esap", "escape/esap/admins"]
    assert Caller(other).who().status_code == 401
    assert breakable.hits()["/introspect"] == 2


def test_a_token_that_names_no_audience_and_was_revoked_is_refused(breakable, configured):
    breakable.settings(profile="iam")
    configured(breakable, clients=["jupyterhub"])
    token = breakable.log_in("alice", client="jupyterhub")["access_token"]
    breakable.revoke(token, "jupyterhub")

    assert Caller(token).who().status_code == 401


def test_the_operator_says_which_audiences_are_ours(idp, configured):
    configured(idp, audiences=["dirac", "jupyterhub"])

    by_audience = {
        audience: Caller(idp.log_in("alice", audience=audience)["access_token"]).who().status_code
        for audience in ("esap", "dirac", "jupyterhub")
    }

    assert by_audience == {"esap": 401, "dirac": 200, "jupyterhub": 200}


@pytest.mark.parametrize("path", [PROFILES, PROFILES.rstrip("/")])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_a_token_for_rucio_opens_the_profile(gateway, path, method):
    token = gateway.log_in("alice", audience="rucio")["access_token"]

    assert getattr(Caller(token).client, method)(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", f"{PROFILES}alice/"),
        ("patch", f"{PROFILES}alice/"),
        ("get", "/esap-api/accounts/whoami/"),
        ("get", "/esap-api/accounts/baskets/"),
        ("get", "/esap-api/accounts/api-tokens/"),
        ("get", "/esap-api/jobs/"),
        ("get", "/esap-api/"),
        ("get", "/esap-api/accounts/user-profiles//"),
        ("delete", "/esap-api/accounts/account/"),
    ],
)
def test_a_token_for_rucio_opens_nothing_else(gateway, method, path):
    token = gateway.log_in("alice", audience="rucio")["access_token"]

    answer = getattr(Caller(token).client, method)(path)

    assert answer.status_code in {403, 404}
    assert not User.objects.exists()


def test_a_token_for_rucio_is_refused_in_words(gateway):
    answer = Caller(gateway.log_in("alice", audience="rucio")["access_token"]).who()

    assert answer.json()["slug"] == "not-allowed"
    assert answer.json()["detail"] == (
        "A token for this audience opens your profile, and nothing else here."
    )


def test_the_operator_may_close_the_door_for_rucio(idp, configured):
    configured(idp, profile_audiences=[])
    token = idp.log_in("alice", audience="rucio")["access_token"]

    assert Caller(token).get(PROFILES).status_code == 401


def test_a_bearer_token_opens_what_a_login_opens_and_needs_no_origin(gateway):
    caller = Caller(gateway.log_in("alice", audience="esap")["access_token"])

    made = caller.client.post(
        "/esap-api/accounts/api-tokens/",
        {"name": "cron", "scopes": ["jobs:read"]},
        content_type="application/json",
    )

    assert made.status_code == 201


def test_a_token_wins_over_a_session(gateway, browser):
    browser.log_in("alice")
    token = gateway.log_in("bob", audience="esap")["access_token"]

    said = browser.get("/esap-api/accounts/whoami/", authorization=f"Bearer {token}").json()

    assert (said["user_name"], said["credential"]) == ("bob", "access-token")


def test_a_bad_token_is_refused_also_where_a_session_would_do(gateway, browser):
    browser.log_in("alice")

    answer = browser.get(
        "/esap-api/accounts/whoami/", authorization=f"Bearer {gateway.mint(exp=1)}"
    )

    assert answer.status_code == 401


def test_a_closed_account_is_refused_by_session_and_by_every_token(gateway, browser):
    browser.log_in("alice")
    access_token = gateway.log_in("alice", audience="esap")["access_token"]
    api_token = Caller(access_token).client.post(
        "/esap-api/accounts/api-tokens/",
        {"name": "cron", "scopes": ["read"]},
        content_type="application/json",
    )
    tokens = {"access": access_token, "api": api_token.json()["token"]}
    assert {Caller(token).get(PROFILES).status_code for token in tokens.values()} == {200}

    User.objects.update(is_active=False)

    assert {Caller(token).get(PROFILES).status_code for token in tokens.values()} == {401}
    assert browser.get(PROFILES).json()["results"] == []
    assert browser.get("/esap-api/accounts/whoami/").json()["authenticated"] is False


def test_a_token_makes_no_session_and_no_login(gateway):
    caller = Caller(gateway.log_in("alice", audience="esap")["access_token"])

    caller.who()

    assert not caller.client.cookies
    assert not AuditEvent.objects.filter(action="login").exists()


def test_each_token_is_of_the_provider_that_made_it(idp, own, configured):
    other = provider_entry(own, id="uni", title="A university", group_prefix="uni:")
    configured(idp, others=[other])
    Browser().log_in("alice", "?provider=iam")

    said = Caller(own.log_in("alice", audience="esap")["access_token"]).who().json()

    assert (said["user_name"], said["provider"]) == ("alice-2", "uni")
    assert said["groups"] == ["uni:escape", "uni:escape/esap", "uni:escape/esap/admins"]
    assert Caller(own.mint(iss=idp.url)).who().status_code == 401
