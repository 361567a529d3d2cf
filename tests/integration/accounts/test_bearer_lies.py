"""Bearer tokens that are not good: they open nothing, and make nobody a user."""

import json
import time
from base64 import urlsafe_b64encode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts.models import User
from tests.support.accounts import Caller

pytestmark = pytest.mark.django_db

AGE = {"exp", "iat", "nbf"}
NOT_FOR_US = "Your access token was made for another service. Get one for the gateway."
NOT_VALID = "Your access token is not valid, or not any more. Get a new one."
OF_ANOTHER_KIND = "it is not an access token"
NOT_ACCEPTED = "it is signed in a way that is not accepted here"
NOT_SIGNED = "its signature or its form is wrong"


@pytest.fixture
def alice(gateway):
    """Alice, whom the gateway knows: tokens of hers are refused for what they are."""
    subject = gateway.users()["alice"]["sub"]
    return User.objects.create_user("alice", issuer=gateway.url, subject=subject)


@pytest.fixture
def mint(gateway):
    """A function that signs a token as it is told; ages are in seconds from now."""

    def mint(*, without=(), **changes):
        now = int(time.time())
        claims = {name: now + value if name in AGE else value for name, value in changes.items()}
        return gateway.mint(**{**claims, **dict.fromkeys(without)})

    return mint


def assert_refused(token, why):
    answer = Caller(token).who()

    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    problem = answer.json()
    assert problem["slug"] == "invalid-token"
    assert why in problem["detail"]
    assert token not in answer.content.decode()
    assert User.objects.exclude(username="alice").count() == 0


def test_a_good_token_is_its_user(alice, mint):
    said = Caller(mint()).who().json()

    assert (said["user_name"], said["credential"]) == ("alice", "access-token")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"aud": "other"}, NOT_FOR_US, id="its audience is another service"),
        pytest.param({"aud": ["other", "dirac"]}, NOT_FOR_US, id="its audiences are others"),
        pytest.param({"aud": []}, NOT_VALID, id="its audience is an empty list"),
        pytest.param({"aud": {"esap": 1}}, NOT_VALID, id="its audience is no text"),
        pytest.param({"without": ["aud"]}, NOT_VALID, id="the provider never made it"),
        pytest.param({"iss": "https://evil.example"}, "made by a provider that is not known here",
                     id="its issuer is evil"),
        pytest.param({"without": ["iss"]}, "made by a provider that is not known here",
                     id="it has no issuer"),
        pytest.param({"without": ["exp"]}, "it has no claim 'exp'", id="it has no expiry"),
        pytest.param({"exp": -90}, "it has expired", id="it expired 90 s ago"),
        pytest.param({"nbf": 300}, "it is not valid yet", id="it is valid in 5 minutes"),
        pytest.param({"iat": 300}, "it is not valid yet", id="it was issued in 5 minutes"),
        pytest.param({"without": ["sub"]}, "it has no claim 'sub'", id="it has no subject"),
        pytest.param({"sub": 7}, NOT_SIGNED, id="its subject is no text"),
        pytest.param({"alg": "none"}, NOT_ACCEPTED, id="it is not signed"),
        pytest.param({"alg": "HS256"}, NOT_ACCEPTED,
                     id="it is signed with the public key as a secret"),
        pytest.param({"kid": "unheard-of"}, "its key is not among those",
                     id="its key is unknown"),
        pytest.param({"nonce": "x"}, OF_ANOTHER_KIND, id="it has the nonce of an ID token"),
        pytest.param({"without": ["client_id", "scope"]}, OF_ANOTHER_KIND,
                     id="it has neither client nor scope"),
        pytest.param({"sub": "esap"}, "it belongs to a program and not to a user",
                     id="its subject is its client"),
    ],
)  # fmt: skip
def test_a_token_is_refused(alice, mint, changes, why):
    assert_refused(mint(**changes), why)


def test_a_key_of_somebody_else_under_a_known_name_is_refused(alice, mint, gateway):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = jwt.algorithms.RSAAlgorithm.to_jwk(stranger, as_dict=True)

    assert_refused(mint(key=private, kid=gateway.keys()["RS256"]["kid"]), NOT_SIGNED)


def test_a_token_with_another_payload_under_its_signature_is_refused(alice, mint):
    head, _, signature = mint().split(".")
    _, other, _ = mint(scope="openid everything").split(".")

    assert_refused(f"{head}.{other}.{signature}", NOT_SIGNED)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": -10}, id="it expired 10 s ago"),
        pytest.param({"nbf": 5}, id="it is valid in 5 s"),
        pytest.param({"iat": 5}, id="it was issued in 5 s"),
        pytest.param({"aud": ["other", "esap"]}, id="we are one of its audiences"),
        pytest.param({"alg": "ES256"}, id="it is signed with ES256"),
        pytest.param({"without": ["client_id"], "azp": "esap-cli"}, id="its client is its azp"),
        pytest.param({"headers": {"typ": "at+jwt"}}, id="it is typed as RFC 9068 has it"),
        pytest.param({"without": ["scope"], "scp": ["openid"]}, id="its scopes are a list"),
    ],
)
def test_a_token_is_accepted(alice, mint, changes):
    assert Caller(mint(**changes)).who().status_code == 200


def test_an_id_token_is_no_bearer_token(alice, gateway):
    assert_refused(gateway.log_in("alice", nonce="once")["id_token"], OF_ANOTHER_KIND)
    assert_refused(gateway.log_in("alice")["id_token"], OF_ANOTHER_KIND)


@pytest.mark.parametrize("client", ["esap", "esap-opaque"])
def test_a_refresh_token_is_no_bearer_token(alice, idp, configured, client):
    configured(idp, clients=[client])

    assert_refused(idp.log_in("alice", client=client)["refresh_token"], NOT_VALID)


@pytest.mark.parametrize("audience", ["esap", None])
@pytest.mark.parametrize("scope", ["openid profile", "compute.read"])
def test_a_token_that_a_program_got_for_itself_makes_no_user(idp, configured, audience, scope):
    configured(idp, clients=["esap"])
    form = {"grant_type": "client_credentials", "scope": scope}
    asked = {**form, "audience": audience} if audience else form

    assert_refused(idp.token(**asked).json()["access_token"], "it belongs to a program")


def test_an_opaque_token_that_a_program_got_for_itself_makes_no_user(idp, configured):
    configured(idp, clients=["esap-opaque"])
    form = {"grant_type": "client_credentials", "scope": "openid", "audience": "esap"}
    token = idp.token("esap-opaque", **form).json()["access_token"]

    assert_refused(token, NOT_VALID)


def test_a_token_that_tells_nothing_of_its_user_makes_none(gateway, mint):
    # The provider did not issue it, so that its userinfo refuses it.
    assert_refused(mint(), "Your access token does not say who you are")


@pytest.mark.parametrize(
    "token",
    ["short", "with space", "x" * 16385, "ünïcode-token-of-somebody", "esap_api_" + "0" * 43],
)
def test_what_is_no_token_is_refused(gateway, token):
    answer = Caller(token.encode().decode("latin-1")).who()

    assert answer.status_code == 401


def part(text):
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "parts",
    [
        ("{}", "{}"),
        ("[]", "[]"),
        ("[" * 4000, "{}"),
        ('{"alg":"RS256"}', "[" * 8000),
        ('{"alg":"RS256"}', '{"iss":{}}'),
        ('{"alg":{}}', '{"iss":"ISSUER"}'),
        ('{"alg":"RS256","kid":7}', '{"iss":"ISSUER"}'),
        ('{"alg":"RS256","crit":["b64"],"b64":false}', '{"iss":"ISSUER"}'),
        ('{"alg":"RS256"}', '{"iss":"ISSUER","exp":1e999}'),
        ('{"alg":"RS256"}', '{"iss":"esap-api-gateway","sub":[]}'),
    ],
)
def test_what_is_made_to_break_the_reader_is_refused(gateway, parts):
    head, payload = (part(text.replace("ISSUER", gateway.url)) for text in parts)

    answer = Caller(f"{head}.{payload}.{part('no signature')}").who()

    assert (answer.status_code, answer.json()["slug"]) == (401, "invalid-token")


def test_a_token_in_the_query_is_refused(alice, mint):
    answer = Caller().get(f"/esap-api/accounts/whoami/?access_token={mint()}")

    assert (answer.status_code, json.loads(answer.content)["slug"]) == (400, "invalid-request")


def test_a_token_in_a_form_is_not_read(alice, mint):
    answer = Caller().client.post(
        "/esap-api/accounts/api-tokens/",
        {"access_token": mint(), "name": "x"},
        headers={"origin": "http://testserver"},
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["bearer {}", "BEARER {}", "Bearer  {}"])
def test_the_scheme_may_be_written_in_any_case(alice, mint, header):
    answer = Caller().get(
        "/esap-api/accounts/whoami/", headers={"authorization": header.format(mint())}
    )

    assert answer.json()["user_name"] == "alice"


@pytest.mark.parametrize("header", ["Basic {}", "Token {}", "{}"])
def test_another_scheme_is_no_login(alice, mint, header):
    answer = Caller().get(
        "/esap-api/accounts/whoami/", headers={"authorization": header.format(mint())}
    )

    assert answer.json()["authenticated"] is False
