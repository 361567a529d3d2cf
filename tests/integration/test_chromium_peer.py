"""The browser shows what a page makes of itself, reaches loopback only, and forgets."""

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Error

from tests.support.browser import browser_page
from tests.support.fakes.http import FakePeer, answer
from tests.support.iam import Iam

PAGE = b"""<!doctype html><title>Sky</title><p id="a">empty</p>
<script>document.getElementById("a").textContent = "M" + (30 + 1)</script>"""


@pytest.fixture
def site():
    with FakePeer(answer(PAGE, Content_Type="text/html")) as site:
        yield site


def test_a_page_renders_and_its_script_runs(chromium, site):
    with browser_page(chromium) as page:
        page.goto(site.url)

        assert page.title() == "Sky"
        assert page.locator("#a").inner_text() == "M31"


def test_a_profile_does_not_outlive_its_page(chromium, site):
    with browser_page(chromium) as page:
        page.goto(site.url)
        page.evaluate("document.cookie = 'seen=1; max-age=3600'")

        assert page.evaluate("document.cookie") == "seen=1"

    with browser_page(chromium) as page:
        page.goto(site.url)

        assert page.evaluate("document.cookie") == ""


def test_the_browser_reaches_loopback_only(chromium):
    with browser_page(chromium) as page, pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("https://example.org/")


@pytest.mark.django_db
def test_the_database_may_be_asked_while_a_page_is_open(chromium):
    with browser_page(chromium):
        assert get_user_model().objects.count() == 0


def test_a_user_logs_in_at_the_test_iam(chromium, iam, site):
    back = f"{site.origin}/esap-api/oidc/callback"
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, Appendix B
    url = Iam(iam.url).authorize_url(
        redirect_uri=back, code_challenge=challenge, code_challenge_method="S256"
    )
    with browser_page(chromium) as page:
        page.goto(url)
        page.get_by_label("User").fill("alice")
        page.get_by_label("Password").fill("alice")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{back}**")

        assert page.title() == "Sky"
    assert site.heard[0].target.startswith("/esap-api/oidc/callback?code=")
