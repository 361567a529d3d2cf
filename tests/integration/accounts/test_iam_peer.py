"""The test IAM is what the tests of logins and tokens take it for."""

import pytest

from tests.support.iam import (
    ACCESS_TOKEN,
    CALLBACK,
    SCOPES,
    Iam,
    log_in_at,
    new_session,
    parameters_of,
)

ANY = "https://wlcg.cern.ch/jwt/v1/any"
CHALLENGE = {
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
"""The example of RFC 7636, Appendix B."""


@pytest.fixture
def provider(iam):
    return Iam(iam.url)


def test_a_login_comes_back_with_a_code_the_state_and_the_issuer(provider):
    url = provider.authorize_url(state="seen before", **CHALLENGE)

    callback = log_in_at(new_session(), url, "alice")

    assert callback.startswith(f"{CALLBACK}?")
    said = parameters_of(callback)
    assert said.keys() == {"code", "state", "iss"}
    assert said["state"] == "seen before"
    assert said["iss"] == provider.url


@pytest.mark.parametrize(
    "origin", ["http://localhost:8000", "http://127.0.0.1:54321", "http://testserver"]
)
@pytest.mark.parametrize(
    "path",
    [
        "/esap-api/oidc/callback",
        "/esap-api/oidc/callback/",
        "/esap-api/accounts/connections/callback",
        "/esap-api/accounts/connections/callback/",
    ],
)
def test_users_may_come_back_to_the_gateway_wherever_a_test_serves_it(provider, origin, path):
    url = provider.authorize_url(redirect_uri=origin + path, **CHALLENGE)

    assert log_in_at(new_session(), url, "alice").startswith(f"{origin}{path}?code=")


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://localhost.evil.example/esap-api/oidc/callback",
        "http://localhost:8000/esap-api/oidc/callback/more",
        "http://localhost:8000/esap-api/oidc/callback?next=/",
        "http://localhost:8000/elsewhere",
    ],
)
def test_users_may_not_be_sent_elsewhere(provider, redirect_uri):
    refused = new_session().get(provider.authorize_url(redirect_uri=redirect_uri), timeout=10)

    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_redirect_uri"


def test_users_may_not_be_sent_elsewhere_after_a_logout_either(provider):
    refused = new_session().get(
        provider.discovery["end_session_endpoint"],
        params={"client_id": "esap", "post_logout_redirect_uri": "https://evil.example/"},
        timeout=10,
    )

    assert refused.status_code == 400
    assert refused.json()["error_description"] == "post_logout_redirect_uri not registered"


def test_a_login_without_pkce_is_refused(provider):
    callback = log_in_at(new_session(), provider.authorize_url(), "alice")

    assert parameters_of(callback)["error"] == "invalid_request"


def test_a_wrong_password_is_refused(provider):
    with pytest.raises(AssertionError, match="got stuck, at 401"):
        log_in_at(new_session(), provider.authorize_url(**CHALLENGE), "alice", "guessed")


def test_a_second_login_with_the_same_browser_shows_no_form(provider):
    browser = new_session()
    first = provider.log_in("alice", browser=browser)

    second = parameters_of(
        log_in_at(browser, provider.authorize_url(prompt="none", **CHALLENGE), "nobody")
    )

    assert first["access_token"]
    assert "code" in second


def test_without_a_session_a_silent_login_fails(provider):
    callback = log_in_at(new_session(), provider.authorize_url(prompt="none", **CHALLENGE), "alice")

    assert parameters_of(callback)["error"] == "login_required"


def test_an_id_token_says_who_logged_in_and_repeats_the_nonce(provider):
    tokens = provider.log_in("carol", nonce="once")

    claims = provider.claims(tokens["id_token"])

    assert claims["aud"] == "esap"
    assert claims["nonce"] == "once"
    assert claims["preferred_username"] == "carol.o'hara@example.org"
    assert claims["wlcg.groups"] == ["/escape", "/escape/esap"]


def test_an_access_token_follows_the_wlcg_profile(provider):
    tokens = provider.log_in("alice")

    claims = provider.claims(tokens["access_token"])

    assert claims["sub"] == provider.users()["alice"]["sub"]
    assert claims["aud"] == ANY
    assert claims["client_id"] == "esap"
    assert claims["scope"] == "openid profile email offline_access wlcg.groups"
    assert claims["wlcg.ver"] == "1.0"
    assert claims["wlcg.groups"] == ["/escape", "/escape/esap", "/escape/esap/admins"]
    assert claims["exp"] - claims["nbf"] == 3600
    assert "email" not in claims


def test_groups_are_told_only_to_those_who_ask(provider):
    tokens = provider.log_in("alice", scope="openid")

    assert "wlcg.groups" not in provider.claims(tokens["access_token"])


def test_the_user_names_of_two_users_may_differ_in_case_only(provider):
    users = provider.users()

    assert users["alice"]["preferred_username"] == "alice"
    assert users["alice2"]["preferred_username"] == "Alice"
    assert users["alice"]["sub"] != users["alice2"]["sub"]


def test_a_client_may_choose_es256(provider):
    tokens = provider.log_in("bob", client="esap-es256")

    assert provider.claims(tokens["id_token"])["preferred_username"] == "bob"


def test_a_client_may_send_its_secret_in_the_form(provider):
    assert provider.log_in("bob", client="esap-post")["access_token"]


def test_a_login_may_ask_for_an_audience(provider):
    tokens = provider.log_in("alice", audience="rucio")

    claims = provider.claims(tokens["access_token"])
    assert (claims["aud"], claims["scope"]) == ("rucio", SCOPES)


def test_no_refresh_token_comes_unasked(provider):
    assert "refresh_token" not in provider.log_in("alice", scope="openid")


def test_plain_oauth_gives_a_refresh_token_and_no_id_token(provider):
    tokens = provider.log_in("alice", client="hub", scope="self")

    assert tokens.keys() == {"access_token", "refresh_token", "expires_in", "scope", "token_type"}


def test_a_refresh_gives_another_refresh_token(provider):
    old = provider.log_in("alice")["refresh_token"]

    new = provider.refresh(old).json()["refresh_token"]

    assert new != old
    assert provider.refresh(new).status_code == 200


def test_a_refresh_token_used_twice_ends_the_whole_family(provider):
    old = provider.log_in("alice")["refresh_token"]
    new = provider.refresh(old).json()["refresh_token"]

    again = provider.refresh(old)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert provider.refresh(new).status_code == 400


def test_a_family_that_ends_leaves_the_users_other_logins(provider):
    old, other = (provider.log_in("alice")["refresh_token"] for _ in range(2))
    provider.refresh(old)
    provider.refresh(old)

    assert provider.refresh(other).status_code == 200


def test_a_refresh_may_ask_for_another_audience_and_the_next_is_free_to_ask_for_none(provider):
    login = provider.log_in("alice")

    for_rucio = provider.refresh(login["refresh_token"], audience="rucio").json()
    for_any = provider.refresh(for_rucio["refresh_token"]).json()

    claims = provider.claims(for_rucio["access_token"])
    assert (claims["aud"], claims["scope"]) == ("rucio", SCOPES)
    assert provider.claims(for_any["access_token"])["aud"] == ANY


def test_an_unknown_audience_is_refused(provider):
    login = provider.log_in("alice")

    refused = provider.refresh(login["refresh_token"], audience="nowhere")

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")


def test_a_token_is_exchanged_for_one_that_rucio_takes(provider):
    token = provider.log_in("alice")["access_token"]

    said = provider.exchange(token, audience="rucio", scope="openid profile").json()

    claims = provider.claims(said["access_token"])
    assert said["issued_token_type"] == ACCESS_TOKEN
    assert claims["aud"] == "rucio"
    assert claims["sub"] == provider.users()["alice"]["sub"]
    assert claims["act"] == {"sub": "esap"}
    assert claims["scope"] == "openid profile"


def test_a_token_that_is_not_the_providers_is_not_exchanged(provider):
    refused = provider.exchange(provider.mint(), audience="rucio")

    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("client", ["esap", "esap-opaque"])
def test_introspection_knows_the_token_until_it_is_revoked(provider, client):
    login = provider.log_in("bob", client=client)
    token = login["access_token"]

    before = provider.introspect(token, client)
    provider.revoke(token, client)

    assert before["active"] is True
    assert (before["username"], before["client_id"], before["aud"]) == ("bob", client, ANY)
    assert (token.count(".") == 2) == (client == "esap")
    assert provider.introspect(token, client) == {"active": False}
    assert provider.userinfo(token).status_code == 401
    assert provider.refresh(login["refresh_token"], client).status_code == 200


def test_a_revoked_refresh_token_takes_its_access_tokens_along(provider):
    login = provider.log_in("bob")

    provider.revoke(login["refresh_token"])

    assert provider.refresh(login["refresh_token"]).status_code == 400
    assert provider.introspect(login["access_token"]) == {"active": False}


@pytest.mark.parametrize("client", ["esap", "esap-opaque"])
def test_userinfo_answers_with_what_the_scopes_open(provider, client):
    token = provider.log_in("mallory", client=client)["access_token"]

    said = provider.userinfo(token).json()

    assert said == {
        "sub": provider.users()["mallory"]["sub"],
        "name": "Mallory",
        "preferred_username": "mallory",
        "email": "alice@example.org",
        "email_verified": False,
        "wlcg.groups": [],
    }


def test_a_client_gets_a_token_of_its_own(provider):
    said = provider.token(
        grant_type="client_credentials", scope="compute.read", audience="dirac"
    ).json()

    claims = provider.claims(said["access_token"])
    assert (claims["sub"], claims["aud"]) == ("esap", "dirac")
    assert provider.userinfo(said["access_token"]).status_code == 401


def test_a_command_line_logs_in_by_a_code_that_the_user_approves_elsewhere(provider):
    asked = provider.device_code(scope="openid offline_access")
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": asked["device_code"],
    }
    before = provider.token("esap-cli", **form).json()

    provider.approve(asked["verification_uri_complete"], "alice")

    assert before["error"] == "authorization_pending"
    tokens = provider.token("esap-cli", **form).json()
    assert provider.claims(tokens["access_token"])["client_id"] == "esap-cli"
    assert tokens["refresh_token"]


def test_a_session_ends_at_the_providers_own_page_and_comes_back(provider):
    browser = new_session()
    login = provider.log_in("alice", browser=browser)
    back = "http://localhost:8000/esap-gui/bye"

    target = provider.log_out(
        browser, id_token_hint=login["id_token"], post_logout_redirect_uri=back
    )

    assert target == back
    silent = log_in_at(browser, provider.authorize_url(prompt="none", **CHALLENGE), "alice")
    assert parameters_of(silent)["error"] == "login_required"


def test_the_end_of_a_session_leaves_offline_access(provider):
    browser = new_session()
    login = provider.log_in("alice", browser=browser)

    provider.log_out(browser, id_token_hint=login["id_token"])

    assert provider.refresh(login["refresh_token"]).status_code == 200
