"""Answers to a login that somebody made up, took from elsewhere, or sends again."""

import json
from urllib.parse import urlencode

import pytest

from accounts.login import views
from accounts.models import AuditEvent, User
from tests.support.accounts import Browser
from tests.support.iam import parameters_of

pytestmark = pytest.mark.django_db

CALLBACK = "/esap-api/oidc/callback/"
STRANGE = "This login was not begun in this browser, is too old, or has been used already"


def changed(callback, **parameters):
    """Return a callback's address with other parameters; None takes one out."""
    said = {**parameters_of(callback), **parameters}
    return f"{CALLBACK}?{urlencode({name: value for name, value in said.items() if value})}"


def assert_nobody_logged_in(answer, browser, sentence):
    assert answer.status_code == 403
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert "_auth_user_id" not in browser.gateway.session
    assert not User.objects.exists()
    assert AuditEvent.objects.filter(action="login").count() == 0


@pytest.mark.parametrize("sender", ["https://evil.example", "", None])
def test_an_answer_of_another_issuer_or_of_none_is_refused(gateway, browser, sender):
    callback = changed(browser.sign_in("alice"), iss=sender)

    answer = browser.come_back(callback)

    assert_nobody_logged_in(
        answer, browser, "The answer to this login did not come from ESCAPE IAM"
    )


def test_an_answer_without_an_issuer_will_do_if_the_provider_never_names_itself(breakable, browser):
    document = breakable.discovery | {"authorization_response_iss_parameter_supported": False}
    breakable.fault("/.well-known/openid-configuration", status=200, body=document)
    callback = changed(browser.sign_in("alice"), iss=None)

    assert browser.come_back(callback).status_code == 302


def test_a_wrong_issuer_is_refused_also_if_the_provider_never_names_itself(breakable, browser):
    document = breakable.discovery | {"authorization_response_iss_parameter_supported": False}
    breakable.fault("/.well-known/openid-configuration", status=200, body=document)
    callback = changed(browser.sign_in("alice"), iss="https://evil.example")

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, "did not come from ESCAPE IAM")


def test_a_bogus_code_is_refused(gateway, browser):
    callback = changed(browser.sign_in("alice"), code="bogus")

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, "ESCAPE IAM does not know this login any more")


def test_a_code_of_another_login_is_refused(gateway, browser):
    mallory = Browser()
    theirs = parameters_of(mallory.sign_in("mallory"))["code"]
    callback = changed(browser.sign_in("alice"), code=theirs)

    answer = browser.come_back(callback)

    # The code was asked for with another verifier (RFC 7636, section 4.6).
    assert_nobody_logged_in(answer, browser, "ESCAPE IAM does not know this login any more")


def test_an_answer_is_good_once(gateway, browser):
    callback = browser.sign_in("alice")
    assert browser.come_back(callback).status_code == 302

    again = browser.come_back(callback)

    assert again.status_code == 403
    assert STRANGE in again.content.decode()
    assert AuditEvent.objects.filter(action="login").count() == 1


def test_a_code_is_good_once(gateway, browser):
    code = parameters_of(browser.sign_in("alice"))["code"]
    browser.come_back(changed(browser.sign_in("alice"), code=code))
    second = Browser()

    answer = second.come_back(changed(second.sign_in("alice"), code=code))

    assert_nobody_logged_in(answer, second, "ESCAPE IAM does not know this login any more")


def test_an_answer_in_another_browser_is_refused(gateway, browser):
    callback = browser.sign_in("alice")
    other = Browser()
    other.begin()

    answer = other.come_back(callback)

    assert_nobody_logged_in(answer, other, STRANGE)


@pytest.mark.parametrize("state", ["made-up", None])
def test_an_answer_without_a_state_of_ours_is_refused(gateway, browser, state):
    callback = changed(browser.sign_in("alice"), state=state)

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, STRANGE)


def test_an_answer_to_no_login_at_all_is_refused(gateway, browser):
    answer = browser.gateway.get(CALLBACK)

    assert_nobody_logged_in(answer, browser, STRANGE)


def test_an_answer_that_comes_too_late_is_refused(gateway, browser, monkeypatch):
    callback = browser.sign_in("alice")
    late = views.time.time() + 901
    monkeypatch.setattr(views.time, "time", lambda: late)

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, "This login took too long")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("access_denied", "You are not logged in: the login was given up or not allowed there."),
        ("server_error", "ESCAPE IAM could not log you in. Try again later."),
        ("<script>alert(1)</script>", "ESCAPE IAM could not log you in. Try again later."),
    ],
)
def test_a_login_that_the_provider_did_not_grant_says_so(gateway, browser, error, sentence):
    said = parameters_of(browser.begin())
    callback = (
        f"{CALLBACK}?{urlencode({'state': said['state'], 'iss': gateway.url, 'error': error})}"
    )

    answer = browser.come_back(callback)

    assert_nobody_logged_in(answer, browser, sentence)
    assert "alert(1)" not in answer.content.decode()
    assert STRANGE in browser.come_back(callback).content.decode()


def test_a_login_given_up_leaves_the_user_who_is_logged_in(gateway, browser):
    browser.log_in("alice")
    state = parameters_of(browser.begin())["state"]

    query = urlencode({"state": state, "iss": gateway.url, "error": "access_denied"})
    browser.gateway.get(f"{CALLBACK}?{query}")

    assert browser.get("/esap-api/accounts/whoami/").json()["user_name"] == "alice"


def test_two_tabs_may_log_in_at_once(gateway, browser):
    first, second = browser.sign_in("alice", "?next=/one"), browser.sign_in("alice", "?next=/two")

    assert browser.come_back(first).url == "/one"
    assert browser.come_back(second).url == "/two"


def test_a_program_is_told_by_a_problem(gateway):
    program = Browser(accept="application/json")

    answer = program.gateway.get(CALLBACK)

    assert (answer.status_code, answer.headers["Content-Type"]) == (
        403,
        "application/problem+json",
    )
    problem = json.loads(answer.content)
    assert problem["slug"] == "login-failed"
    assert problem["detail"].startswith(STRANGE)


def test_a_browser_is_sent_to_the_front_ends_own_page(gateway, browser, settings):
    settings.LOGIN_FAILED_REDIRECT = "/esap-gui/error"

    page = browser.gateway.get(CALLBACK)
    program = Browser(accept="application/json").gateway.get(CALLBACK)

    assert (page.status_code, page.url) == (302, "/esap-gui/error?problem=login-failed")
    assert program.status_code == 403
