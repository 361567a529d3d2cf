"""What a login does to a browser: where it leads, and the cookie it leaves."""

import os
import subprocess
import sys

import pytest

from accounts.models import Grant, User
from tests.support.accounts import Browser, provider_entry

pytestmark = pytest.mark.django_db

AUTHENTICATE = "/esap-api/oidc/authenticate"
WHOAMI = "/esap-api/accounts/whoami/"


@pytest.mark.parametrize(
    "wanted", ["/esap-api/jobs/", "/esap-gui/login?tab=1#top", "http://testserver/esap-gui/"]
)
def test_a_user_goes_on_to_where_they_wanted(gateway, browser, wanted):
    answer = browser.log_in("alice", f"?next={wanted.replace('#', '%23')}")

    assert (answer.status_code, answer.url) == (302, wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/",
        "http://testserver.evil.example/",
        "http://testserver@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "\\\\evil.example",
        "/\\evil.example",
        "http:///evil.example",
        "https:evil.example",
        "%09//evil.example",
        "%2F%2Fevil.example",
    ],
)
def test_nobody_is_sent_to_a_site_that_is_not_ours(gateway, browser, wanted):
    answer = browser.log_in("alice", f"?next={wanted}")

    assert (answer.status_code, answer.url) == (302, "/")


def test_behind_tls_nobody_is_sent_to_a_page_without_it(gateway, browser):
    page = browser.gateway.get(f"{AUTHENTICATE}?next=http://testserver/esap-gui/", secure=True)

    assert page.status_code == 302
    (begun,) = browser.gateway.session["oidc_states"].values()
    assert begun["next"] is None


def test_a_user_who_wanted_nothing_goes_where_the_operator_says(gateway, browser, settings):
    settings.LOGIN_REDIRECT = "/esap-gui/login"

    assert browser.log_in("alice").url == "/esap-gui/login"


def test_a_session_key_of_before_the_login_is_worth_nothing_after(gateway, browser):
    callback = browser.sign_in("alice")
    planted = browser.gateway.session.session_key

    browser.come_back(callback)

    assert browser.gateway.session.session_key != planted
    thief = Browser()
    thief.gateway.cookies["sessionid"] = planted
    assert thief.get(WHOAMI).json()["authenticated"] is False


def test_the_session_key_changes_also_when_the_same_user_logs_in_again(gateway, browser):
    browser.log_in("alice")
    before = browser.gateway.session.session_key

    browser.log_in("alice")

    assert browser.gateway.session.session_key != before
    assert Grant.objects.count() == 1


def test_another_user_in_the_same_browser_has_nothing_of_the_one_before(gateway, browser):
    browser.log_in("alice")
    browser.gateway.session["left"] = "behind"
    browser.provider.cookies.clear()

    browser.log_in("bob")

    assert browser.get(WHOAMI).json()["user_name"] == "bob"
    assert "left" not in browser.gateway.session
    assert [grant.user.username for grant in Grant.objects.all()] == ["bob"]


def test_the_session_cookie_is_for_http_of_this_site_only(gateway, browser):
    browser.log_in("alice")

    cookie = browser.gateway.cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["domain"] == ""


@pytest.mark.parametrize(("behind_proxy", "secure"), [("1", "True True"), ("0", "False False")])
def test_behind_a_proxy_cookies_need_tls(behind_proxy, secure, tmp_path):
    program = (
        "from django.conf import settings as s; "
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    )

    said = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "esap.settings.prod",
            "ESAP_SECRET_KEY": "a secret of this test",
            "ESAP_DATA_DIR": str(tmp_path),
            "ESAP_BEHIND_PROXY": behind_proxy,
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == secure


def test_a_secure_cookie_is_what_a_login_then_leaves(gateway, browser, settings):
    settings.SESSION_COOKIE_SECURE = True

    browser.log_in("alice")

    assert browser.gateway.cookies["sessionid"]["secure"] is True


def test_no_page_of_a_login_is_kept_by_a_cache(gateway, browser):
    begun = browser.gateway.get(AUTHENTICATE)

    assert "no-store" in begun.headers["Cache-Control"]


def test_a_user_whose_account_is_closed_does_not_get_in(gateway, browser):
    browser.log_in("alice")
    User.objects.update(is_active=False)

    inside = browser.get(WHOAMI)
    again = Browser()
    answer = again.log_in("alice")

    assert inside.json()["authenticated"] is False
    assert answer.status_code == 403
    assert "Your account here is closed" in answer.content.decode()
    assert Grant.objects.count() == 1


def test_without_a_provider_the_page_says_so(browser, settings):
    settings.ENTRY_FILES = []

    answer = browser.gateway.get(AUTHENTICATE)

    assert answer.status_code == 404
    assert "This gateway has no login yet" in answer.content.decode()


def test_an_unknown_provider_is_not_found(gateway, browser):
    answer = browser.gateway.get(f"{AUTHENTICATE}?provider=other")

    assert answer.status_code == 404
    assert "There is no &#x27;other&#x27; among the providers" in answer.content.decode()


@pytest.fixture
def two_providers(idp, own, configured):
    """The shared provider, and one more, whose groups are marked as its own."""
    other = provider_entry(own, id="uni", title="A university", group_prefix="uni:")
    configured(idp, others=[other])
    return idp, own


def test_a_user_chooses_among_several_providers(two_providers, browser):
    page = browser.gateway.get(f"{AUTHENTICATE}?next=/esap-api/jobs/").content.decode()

    assert "ESCAPE IAM" in page
    assert f'href="{AUTHENTICATE}?provider=uni&amp;next=%2Fesap-api%2Fjobs%2F"' in page
    answer = browser.log_in("alice", "?provider=uni&next=/esap-api/jobs/")
    assert answer.url == "/esap-api/jobs/"
    assert User.objects.get().provider == "uni"


def test_one_subject_at_two_issuers_is_two_users(two_providers):
    first, second = Browser(), Browser()

    first.log_in("alice", "?provider=iam")
    second.log_in("alice", "?provider=uni")

    users = User.objects.order_by("pk")
    assert len({user.subject for user in users}) == 1
    assert [user.issuer for user in users] == [provider.url for provider in two_providers]
    assert [user.username for user in users] == ["alice", "alice-2"]


def test_groups_of_one_provider_are_not_those_of_another(two_providers, browser):
    browser.log_in("alice", "?provider=uni")

    user = User.objects.get()
    assert user.group_names == {"uni:escape", "uni:escape/esap", "uni:escape/esap/admins"}
    assert user.role == "user"


def test_an_answer_of_the_other_provider_is_refused(two_providers, browser):
    callback = browser.sign_in("alice", "?provider=iam")
    shared, own = two_providers

    answer = browser.come_back(
        callback.replace(shared.url.replace(":", "%3A").replace("/", "%2F"), own.url)
    )

    assert answer.status_code == 403
    assert "did not come from ESCAPE IAM" in answer.content.decode()
