"""What tests do to the test IAM: mint tokens, make it fail, change it, stop it."""

import hmac
import time
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.fakes.http import FakePeer, answer
from tests.support.iam import Iam, log_in_at, new_session, parameters_of

CHALLENGE = {
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "code_challenge_method": "S256",
}
"""The example of RFC 7636, Appendix B."""
STRANGERS = {
    "kty": "EC",
    "crv": "P-256",
    "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d": "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
}
"""A key that is not the provider's: the example of RFC 7517, Appendix A.2."""


@pytest.fixture
def provider(iam):
    return Iam(iam.url)


def test_minted_tokens_are_good_but_for_what_the_test_says(provider):
    good = provider.claims(provider.mint())
    late = provider.claims(provider.mint(nbf=None, exp=int(time.time()) + 5))

    assert good["aud"] == "esap"
    assert 0 < good["exp"] - time.time() <= 300
    assert late["exp"] - time.time() <= 5
    assert "nbf" not in late
    assert good["iss"] == provider.url


def test_tokens_may_be_minted_with_either_key_or_a_strangers(provider):
    own = provider.mint(alg="ES256")
    strangers = provider.mint(alg="ES256", key=STRANGERS, kid=provider.keys()["ES256"]["kid"])

    assert provider.claims(own)["aud"] == "esap"
    with pytest.raises(jwt.InvalidSignatureError):
        provider.claims(strangers)


def test_the_classic_forgeries_can_be_minted(provider):
    unsigned = provider.mint(alg="none")
    confused = provider.mint(alg="HS256")

    assert jwt.get_unverified_header(unsigned)["alg"] == "none"
    assert unsigned.endswith(".")
    assert jwt.get_unverified_header(confused) == {
        "alg": "HS256",
        "typ": "JWT",
        "kid": provider.keys()["RS256"]["kid"],
    }
    public = jwt.PyJWKSet.from_dict(provider.jwks())[provider.keys()["RS256"]["kid"]].key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text, _, signature = confused.rpartition(".")
    assert hmac.digest(pem, text.encode(), "sha256") == urlsafe_b64decode(signature + "==")


def test_nothing_may_disturb_the_provider_that_tests_share(provider):
    for disturb in (provider.rotate_keys, provider.forget_hits, lambda: provider.fault("/token")):
        with pytest.raises(AssertionError, match="Other tests share this provider"):
            disturb()


def test_rotated_keys_end_what_the_old_ones_signed(own_iam):
    provider = own_iam()
    login = provider.log_in("alice")
    old = {key["kid"] for key in provider.jwks()["keys"]}

    provider.rotate_keys()

    assert old.isdisjoint(key["kid"] for key in provider.jwks()["keys"])
    assert provider.introspect(login["access_token"]) == {"active": False}
    refreshed = provider.refresh(login["refresh_token"]).json()
    assert provider.claims(refreshed["access_token"])["client_id"] == "esap"


def test_a_fault_lasts_as_many_requests_as_it_was_asked_to(own_iam):
    provider = own_iam()
    provider.fault(
        "/jwk", status=503, body={"error": "down"}, headers={"Retry-After": "7"}, times=2
    )

    answers = [provider.http.get(f"{provider.url}/jwk", timeout=10) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json() == {"error": "down"}
    assert answers[0].headers["Retry-After"] == "7"


def test_a_fault_may_be_slowness(own_iam):
    provider = own_iam()
    provider.fault("/jwk", delay=0.3)

    begun = time.monotonic()
    said = provider.http.get(f"{provider.url}/jwk", timeout=10)

    assert said.status_code == 200
    assert time.monotonic() - begun >= 0.3


def test_hits_count_requests_and_hold_no_secrets(own_iam):
    provider = own_iam()
    login = provider.log_in("alice")
    provider.forget_hits()

    provider.refresh(login["refresh_token"])
    provider.log_in("alice")

    assert provider.hits() == {
        "/authorize": 1,
        "/interaction/*": 2,
        "/authorize/*": 1,
        "/token": 2,
    }
    assert provider.grants() == {"refresh_token": 1, "authorization_code": 1}


def test_settings_change_while_it_runs_and_sessions_stay(own_iam):
    provider = own_iam(access_token_ttl=60)
    login = provider.log_in("alice")

    provider.settings(access_token_ttl=2, profile="iam", users={"alice": {"groups": ["/other"]}})

    changed = provider.refresh(login["refresh_token"]).json()
    assert (login["expires_in"], changed["expires_in"]) == (60, 2)
    claims = provider.claims(changed["access_token"])
    assert claims["groups"] == ["other"]
    assert claims.keys().isdisjoint({"aud", "scope", "nbf", "wlcg.ver", "wlcg.groups"})


def test_an_unknown_setting_is_a_mistake(own_iam):
    with pytest.raises(AssertionError, match="No such setting: lifetime"):
        own_iam().settings(lifetime=2)


def test_an_administrator_may_end_all_that_a_user_has_granted(own_iam):
    provider = own_iam()
    alices, bobs = provider.log_in("alice"), provider.log_in("bob")

    provider.revoke_user("alice")

    assert provider.refresh(alices["refresh_token"]).status_code == 400
    assert provider.introspect(alices["access_token"]) == {"active": False}
    assert provider.refresh(bobs["refresh_token"]).status_code == 200


def test_it_can_be_stopped_and_started_again(own_iam):
    provider = own_iam()
    browser = new_session()
    login = provider.log_in("alice", browser=browser)

    provider.stop()
    with pytest.raises(requests.ConnectionError):
        provider.http.get(provider.url, timeout=10)
    provider.start()

    assert provider.claims(login["id_token"])["aud"] == "esap"
    assert provider.refresh(login["refresh_token"]).status_code == 200
    silent = log_in_at(browser, provider.authorize_url(prompt="none", **CHALLENGE), "alice")
    assert "code" in parameters_of(silent)


def test_a_client_is_told_when_a_session_ends(own_iam):
    with FakePeer(answer()) as gateway:
        provider = own_iam(backchannel_logout_uri=f"{gateway.url}backchannel-logout")
        browser = new_session()
        login = provider.log_in("alice", browser=browser)

        provider.log_out(browser, id_token_hint=login["id_token"])

    told = provider.claims(parse_qs(gateway.heard[0].body.decode())["logout_token"][0])
    assert gateway.heard[0].target == "/backchannel-logout"
    assert told["sub"] == provider.users()["alice"]["sub"]
    assert told["sid"] == provider.claims(login["id_token"])["sid"]
    assert list(told["events"]) == ["http://schemas.openid.net/event/backchannel-logout"]
