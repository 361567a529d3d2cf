"""Logins while the provider fails: a page says so, and once it is back, all is well."""

import json

import pytest

from accounts.models import AuditEvent, User
from tests.support.accounts import Browser

pytestmark = pytest.mark.django_db

DISCOVERY = "/.well-known/openid-configuration"
AUTHENTICATE = "/esap-api/oidc/authenticate"
FOR_GOOD = 3
"""As often as one call is tried."""


def test_a_provider_that_is_away_is_told_before_the_user_goes_there(breakable, browser):
    breakable.fault(DISCOVERY, status=503, times=FOR_GOOD)

    answer = browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "ESCAPE IAM is not available now (503 Service Unavailable)" in answer.content.decode()
    assert browser.log_in("alice").status_code == 302


@pytest.mark.parametrize("path", ["/token", "/jwk", "/userinfo"])
def test_a_provider_that_fails_on_the_way_back_is_told(breakable, browser, path):
    callback = browser.sign_in("alice")
    breakable.fault(path, status=503, times=FOR_GOOD)

    answer = browser.come_back(callback)

    assert answer.status_code == 503
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Try" in answer.content.decode()
    assert not User.objects.exists()
    assert AuditEvent.objects.get().detail == {"slug": "backend-unavailable"}
    breakable.clear_faults()
    assert browser.log_in("alice").status_code == 302


def test_a_program_is_told_by_a_problem(breakable):
    program = Browser(accept="application/json")
    callback = program.sign_in("alice")
    breakable.fault("/token", status=503)

    answer = program.come_back(callback)

    problem = json.loads(answer.content)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (problem["slug"], problem["status"], problem["retryable"], problem["peer"]) == (
        "backend-unavailable",
        503,
        True,
        "iam",
    )


@pytest.mark.parametrize("path", [DISCOVERY, "/jwk", "/userinfo"])
def test_one_short_failure_is_not_noticed(breakable, browser, path):
    breakable.fault(path, status=503)

    assert browser.log_in("alice").status_code == 302


def test_a_code_is_not_sent_twice(breakable, browser):
    callback = browser.sign_in("alice")
    breakable.forget_hits()
    breakable.fault("/token", status=503)

    browser.come_back(callback)

    assert breakable.hits()["/token"] == 1


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/jwk", "/userinfo"])
def test_a_provider_that_hangs_is_not_waited_for(own, configured, browser, path):
    configured(own, timeout=0.4)
    url = None if path == DISCOVERY else browser.sign_in("alice")
    own.fault(path, delay=1)

    answer = browser.come_back(url) if url else browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 504
    assert "ESCAPE IAM had not answered when the" in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (DISCOVERY, {"issuer": "nothing else"}),
        (DISCOVERY, "no JSON"),
        ("/token", "no JSON"),
        ("/jwk", {"keys": []}),
        ("/jwk", {"keys": "none"}),
        ("/jwk", []),
        ("/userinfo", "no JSON"),
    ],
)
def test_an_answer_that_is_none_is_told(breakable, browser, path, body):
    callback = None if path == DISCOVERY else browser.sign_in("alice")
    breakable.fault(path, status=200, body=body)

    answer = browser.come_back(callback) if callback else browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 502
    assert "ESCAPE IAM" in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize(("path", "status"), [(DISCOVERY, 404), ("/jwk", 403), ("/userinfo", 404)])
def test_what_the_provider_does_not_have_is_not_missing_here(breakable, browser, path, status):
    callback = None if path == DISCOVERY else browser.sign_in("alice")
    breakable.fault(path, status=status)

    answer = browser.come_back(callback) if callback else browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 502
    assert f"ESCAPE IAM answered {status} to the gateway itself" in answer.content.decode()


def test_a_provider_that_is_another_than_its_entry_says_is_told(own, configured, browser):
    configured(own, issuer=f"{own.url}/")

    answer = browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 502
    assert "ESCAPE IAM calls itself" in answer.content.decode()


def test_a_client_that_the_provider_does_not_know_is_the_operators_matter(own, configured, browser):
    configured(own)
    callback = browser.sign_in("alice")
    own.fault("/token", status=401, body={"error": "invalid_client"})

    answer = browser.come_back(callback)

    assert answer.status_code == 403
    assert "does not give this token (invalid_client)" in answer.content.decode()


def test_a_provider_that_is_down_is_told_and_comes_back(own_iam, configured, browser):
    provider = configured(own_iam())
    callback = browser.sign_in("alice")

    provider.stop()
    answer = browser.come_back(callback)
    at_begin = browser.gateway.get(AUTHENTICATE)
    provider.start()

    assert answer.status_code == 503
    assert "ESCAPE IAM" in answer.content.decode()
    assert at_begin.status_code == 302  # where it is, is known from before
    assert browser.log_in("alice").status_code == 302
