"""Logins at a provider that lies: whose ID token is not good, nobody becomes a user.

The provider is real, and so is its key; what it says at the token endpoint is ours.
"""

import time
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from accounts.models import AuditEvent, Grant, User
from tests.support.iam import parameters_of

pytestmark = pytest.mark.django_db

NOT_FOR_US = "it was made for another audience"
NOT_FOR_THIS_CLIENT = "it was made for another client"
NOT_SIGNED = "its signature or its form is wrong"
NOT_ACCEPTED = "it is signed in a way that is not accepted here"
AGE = {"exp", "iat", "nbf"}


@pytest.fixture(scope="module")
def access_tokens(module_iam):
    """Good access tokens, by user, to go with the ID tokens."""
    return {user: module_iam.log_in(user)["access_token"] for user in ("alice", "bob")}


@pytest.fixture
def log_in_by(breakable, browser, access_tokens):
    """A function that logs Alice in where the provider answers with an ID token as it is told.

    Ages are in seconds from now. Returns the gateway's answer.
    """

    def log_in(*, userinfo_of="alice", without=(), **changes):
        asked = parameters_of(browser.begin())
        told = {"nonce": asked["nonce"], "client_id": None, "scope": None, **changes}
        now = int(time.time())
        claims = {name: now + value if name in AGE else value for name, value in told.items()}
        id_token = breakable.mint(**{**claims, **dict.fromkeys(without)})
        breakable.fault(
            "/token",
            status=200,
            body={
                "access_token": access_tokens[userinfo_of],
                "token_type": "Bearer",
                "id_token": id_token,
            },
        )
        answer = {"state": asked["state"], "iss": breakable.url, "code": "it-asks-for-none"}
        return browser.come_back(f"{asked['redirect_uri']}?{urlencode(answer)}")

    return log_in


def assert_nobody_logged_in(answer, browser, why):
    assert answer.status_code == 403
    page = answer.content.decode()
    assert "What ESCAPE IAM says of you cannot be believed" in page
    assert why in page.replace("&#x27;", "'")
    assert "_auth_user_id" not in browser.gateway.session
    assert not User.objects.exists()
    assert not Grant.objects.exists()
    assert AuditEvent.objects.get().detail == {"slug": "login-failed"}


def test_a_good_id_token_logs_in(log_in_by):
    assert log_in_by().status_code == 302
    assert User.objects.get().username == "alice"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"aud": "other"}, NOT_FOR_US, id="its audience is another client"),
        pytest.param({"without": ["aud"]}, "it has no claim 'aud'", id="it has no audience"),
        pytest.param(
            {"aud": ["esap", "other"]}, NOT_FOR_THIS_CLIENT, id="several audiences without azp"
        ),
        pytest.param({"azp": "other"}, NOT_FOR_THIS_CLIENT, id="its azp is another client"),
        pytest.param(
            {"aud": ["esap", "other"], "azp": "other"},
            NOT_FOR_THIS_CLIENT,
            id="several audiences with the azp of another",
        ),
        pytest.param(
            {"iss": "https://evil.example"}, "another issuer made it", id="its issuer is evil"
        ),
        pytest.param({"without": ["iss"]}, "it has no claim 'iss'", id="it has no issuer"),
        pytest.param({"without": ["exp"]}, "it has no claim 'exp'", id="it has no expiry"),
        pytest.param({"without": ["sub"]}, "it has no claim 'sub'", id="it has no subject"),
        pytest.param({"without": ["iat"]}, "it has no claim 'iat'", id="it is of no time"),
        pytest.param({"exp": -90}, "it has expired", id="it expired 90 s ago"),
        pytest.param({"nbf": 300}, "it is not valid yet", id="it is valid in 5 minutes"),
        pytest.param({"iat": 300}, "it is not valid yet", id="it was issued in 5 minutes"),
        pytest.param({"alg": "none"}, NOT_ACCEPTED, id="it is not signed"),
        pytest.param(
            {"alg": "HS256"}, NOT_ACCEPTED, id="it is signed with the public key as a secret"
        ),
        pytest.param(
            {"kid": "unheard-of"},
            "its key is not among those that the provider publishes",
            id="its key is unknown",
        ),
        pytest.param(
            {"nonce": "of-another-login"}, "it answers another login", id="its nonce is another's"
        ),
        pytest.param({"without": ["nonce"]}, "it answers another login", id="it has no nonce"),
    ],
)
def test_an_id_token_is_not_believed(log_in_by, browser, changes, why):
    answer = log_in_by(**changes)

    assert_nobody_logged_in(answer, browser, why)


def test_a_key_of_somebody_else_under_a_known_name_is_not_believed(log_in_by, browser, breakable):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = jwt.algorithms.RSAAlgorithm.to_jwk(stranger, as_dict=True)

    answer = log_in_by(key=private, kid=breakable.keys()["RS256"]["kid"])

    assert_nobody_logged_in(answer, browser, NOT_SIGNED)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": -10}, id="it expired 10 s ago"),
        pytest.param({"nbf": 5}, id="it is valid in 5 s"),
        pytest.param({"iat": 5}, id="it was issued in 5 s"),
        pytest.param({"aud": ["esap"]}, id="its audience is a list of one"),
        pytest.param({"aud": ["other", "esap"], "azp": "esap"}, id="several audiences and our azp"),
        pytest.param({"alg": "ES256"}, id="it is signed with ES256"),
    ],
)
def test_an_id_token_is_believed(log_in_by, changes):
    assert log_in_by(**changes).status_code == 302

    assert User.objects.get().username == "alice"


def test_userinfo_of_another_user_is_not_believed(log_in_by, browser):
    answer = log_in_by(userinfo_of="bob")

    assert_nobody_logged_in(
        answer, browser, "the provider speaks of another user than the token does"
    )


def test_an_access_token_that_userinfo_refuses_is_no_login(log_in_by, browser, breakable):
    breakable.fault("/userinfo", status=401, body={"error": "invalid_token"})

    answer = log_in_by()

    assert_nobody_logged_in(answer, browser, "the provider tells nothing of a user for it")


def test_an_answer_without_an_id_token_is_no_login(breakable, browser, access_tokens):
    callback = browser.sign_in("alice")
    body = {"access_token": access_tokens["alice"], "token_type": "Bearer"}
    breakable.fault("/token", status=200, body=body)

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, "there is no ID token with it")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"token_type": "mac"}, "gave a token of a type that the gateway cannot use"),
        ({"access_token": ""}, "gave no access token that could be read"),
        ({"access_token": None}, "gave no access token that could be read"),
    ],
)
def test_an_answer_that_cannot_be_used_is_no_login(
    breakable, browser, access_tokens, changes, sentence
):
    callback = browser.sign_in("alice")
    body = {"access_token": access_tokens["alice"], "token_type": "Bearer", **changes}
    breakable.fault("/token", status=200, body=body)

    answer = browser.come_back(callback)

    assert (answer.status_code, User.objects.count()) == (502, 0)
    assert sentence in answer.content.decode()


def test_what_is_signed_for_the_login_wins_over_userinfo(log_in_by):
    log_in_by(name="Alice Signed", email="signed@example.org", email_verified=True)

    user = User.objects.get()
    assert (user.full_name, user.email) == ("Alice Signed", "signed@example.org")
    assert user.group_names == {"escape", "escape/esap", "escape/esap/admins"}


@pytest.mark.parametrize("verified", [False, "false", 1])
def test_mail_that_is_not_said_to_be_verified_is_not_kept(log_in_by, verified):
    log_in_by(email="bob@example.org", email_verified=verified)

    assert User.objects.get().email == ""
