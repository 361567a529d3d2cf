"""What bearer tokens cost at the provider, and what is left of them while it is away."""

import pytest

from accounts.backends import kept
from accounts.models import User
from tests.support.accounts import Caller
from tests.support.minting import sign

pytestmark = pytest.mark.django_db

DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
def token(breakable):
    """A token for us of Alice, whom the gateway knows, as well as the provider's keys."""
    token = breakable.log_in("alice", audience="esap")["access_token"]
    assert Caller(token).who().status_code == 200
    breakable.forget_hits()
    return token


@pytest.fixture
def opaque(own, configured):
    """A token that cannot be read, of Alice; its provider has not been asked about it."""
    configured(own, clients=["esap-opaque"])
    token = own.log_in("alice", client="esap-opaque")["access_token"]
    own.forget_hits()
    return token


@pytest.fixture
def clock(monkeypatch):
    """A function that lets time pass for what is kept of providers."""
    passed = 0.0
    real = kept.monotonic
    monkeypatch.setattr(kept, "monotonic", lambda: real() + passed)

    def tick(seconds):
        nonlocal passed
        passed += seconds

    return tick


def test_fifty_requests_with_a_signed_token_cost_no_call(breakable, token):
    caller = Caller(token)

    assert {caller.who().status_code for _ in range(50)} == {200}

    assert breakable.hits() == {}


def test_fifty_requests_with_an_opaque_token_cost_one_call(own, opaque):
    caller = Caller(opaque)

    assert {caller.who().json()["user_name"] for _ in range(50)} == {"alice"}

    assert own.hits() == {DISCOVERY: 1, "/introspect": 1, "/userinfo": 1}


def test_an_opaque_token_has_groups_too(opaque):
    assert Caller(opaque).who().json()["groups"] == [
        "escape",
        "escape/esap",
        "escape/esap/admins",
    ]


def test_a_hundred_tokens_with_unknown_keys_cost_one_call(breakable, token):
    claims, key = breakable.claims(token), breakable.keys()["RS256"]
    kids = (f"unheard-of-{number}" for number in range(100))
    tokens = [sign(claims, {"kid": kid}, alg="RS256", key=key) for kid in kids]
    breakable.forget_hits()

    assert {Caller(each).who().status_code for each in tokens} == {401}

    assert breakable.hits() == {"/jwk": 1}


@pytest.mark.parametrize(
    "changes", [{"alg": "none"}, {"alg": "HS256"}, {"iss": "https://evil.example"}]
)
def test_a_token_that_cannot_be_good_costs_no_call(breakable, token, changes):
    bad = breakable.mint(**changes)
    breakable.forget_hits()

    assert Caller(bad).who().status_code == 401
    assert breakable.hits() == {}


def test_after_a_change_of_keys_new_tokens_are_good_at_once_and_old_ones_are_not(breakable, token):
    breakable.rotate_keys()
    new = breakable.log_in("alice", audience="esap")["access_token"]

    assert Caller(new).who().status_code == 200
    assert Caller(token).who().status_code == 401


def test_old_keys_are_let_go_also_if_no_new_token_comes(breakable, token, clock):
    breakable.rotate_keys()
    clock(601)

    assert Caller(token).who().status_code == 401


def test_signed_tokens_are_accepted_while_the_provider_is_down(own_iam, configured, clock):
    provider = configured(own_iam())
    token = provider.log_in("alice", audience="esap")["access_token"]
    Caller(token).who()
    provider.stop()

    clock(3_600)

    assert {Caller(token).who().status_code for _ in range(5)} == {200}


def test_keys_are_not_believed_for_more_than_a_day_without_the_provider(breakable, token, clock):
    breakable.fault("/jwk", status=503, times=6)
    clock(86_401)

    answers = [Caller(token).who() for _ in range(2)]

    assert {answer.status_code for answer in answers} == {503}
    assert {answer.json()["slug"] for answer in answers} == {"backend-unavailable"}
    assert Caller(token).who().status_code == 200


def test_a_signed_token_without_known_keys_is_a_problem_of_the_provider(breakable):
    token = breakable.log_in("alice", audience="esap")["access_token"]
    breakable.fault("/jwk", status=503, times=3)

    answer = Caller(token).who()

    assert answer.status_code == 503
    assert answer.json()["slug"] == "backend-unavailable"
    assert Caller(token).who().status_code == 200


def test_an_opaque_token_of_a_provider_that_fails_is_its_problem_and_no_refusal(own, opaque):
    own.fault("/introspect", status=503, times=3)

    answer = Caller(opaque).who()

    assert answer.status_code == 503
    problem = answer.json()
    assert (problem["slug"], problem["retryable"], problem["peer"]) == (
        "backend-unavailable",
        True,
        "iam",
    )
    assert "WWW-Authenticate" not in answer.headers
    assert Caller(opaque).who().status_code == 200


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_provider_that_does_not_let_us_ask_is_the_operators_matter(own, opaque, status):
    own.fault("/introspect", status=status)

    answer = Caller(opaque).who()

    assert (answer.status_code, answer.json()["slug"]) == (502, "backend-failed")


def test_an_opaque_token_of_a_provider_that_hangs_is_not_waited_for(own, configured, opaque):
    configured(own, clients=["esap-opaque"], timeout=0.4)
    own.fault("/introspect", delay=1)

    answer = Caller(opaque).who()

    assert (answer.status_code, answer.json()["slug"]) == (504, "backend-timed-out")


def test_an_opaque_token_that_was_revoked_is_refused(own, opaque):
    own.revoke(opaque, "esap-opaque")

    answer = Caller(opaque).who()

    assert (answer.status_code, answer.json()["slug"]) == (401, "invalid-token")
    assert not User.objects.exists()


def test_an_opaque_token_that_nobody_knows_is_refused_and_asked_about_once(own, opaque):
    assert {Caller("of-nobody-at-all").who().status_code for _ in range(5)} == {401}

    assert own.hits()["/introspect"] == 1


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"active": True, "token_type": "Bearer"}, 401),
        ({"active": True, "sub": "x", "token_type": "mac"}, 401),
        ({"active": True, "sub": "x", "token_type": "Bearer", "iss": "https://evil"}, 401),
        ({"active": "perhaps"}, 502),
        ({}, 502),
        ([], 502),
        ("no JSON", 502),
    ],
)
def test_what_a_provider_says_of_a_token_is_read_with_care(own, opaque, said, status):
    own.fault("/introspect", status=200, body=said)

    assert Caller(opaque).who().status_code == status
    assert not User.objects.exists()


@pytest.mark.parametrize(("userinfo", "status"), [({"status": 503, "times": 3}, 503),
                                                  ({"status": 401}, 401)])  # fmt: skip
def test_a_newcomer_whom_the_provider_does_not_tell_of_is_no_user_yet(breakable, userinfo, status):
    token = breakable.log_in("alice", audience="esap")["access_token"]
    breakable.fault("/userinfo", **userinfo)

    answer = Caller(token).who()

    assert (answer.status_code, User.objects.count()) == (status, 0)
    assert Caller(token).who().status_code == 200


def test_a_newcomer_whom_the_provider_takes_for_another_is_no_user(breakable):
    token = breakable.log_in("alice", audience="esap")["access_token"]
    bob = breakable.users()["bob"]
    breakable.fault("/userinfo", status=200, body={"sub": bob["sub"], "name": "Bob"})

    assert (Caller(token).who().status_code, User.objects.count()) == (401, 0)
