"""A login with a real browser: from our first page to the provider's form, and back, and out."""

import re

import pytest

from accounts.models import AuditEvent, User
from tests.support.browser import browser_page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(chromium, live_server, gateway):
    """A page of a new browser, on our landing page."""
    with browser_page(chromium) as page:
        page.goto(live_server.url)
        yield page


def log_in(page, user):
    """Log in from where the browser is, by the form of the provider."""
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("User").fill(user)
    page.get_by_label("Password").fill(user)
    page.get_by_role("button", name="Sign in").click()


def test_a_user_logs_in_sees_who_they_are_and_logs_out(page, live_server, gateway):
    log_in(page, "alice")
    page.wait_for_url(f"{live_server.url}/")
    page.get_by_role("link", name="Alice Astronomer").click()

    assert '"user_name": "alice"' in page.locator("pre", has_text="user_name").inner_text()

    page.goto(live_server.url)
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(re.compile(re.escape(gateway.discovery["end_session_endpoint"])))
    page.get_by_role("button").first.click()
    page.wait_for_url(f"{live_server.url}/")

    assert page.get_by_role("link", name="Log in").is_visible()
    assert User.objects.get().username == "alice"
    events = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert [event for event in events if event.startswith("log")] == ["login", "logout"]


def test_a_login_leads_back_to_the_page_where_it_began(page, live_server):
    page.goto(f"{live_server.url}/esap-api/accounts/?format=api")

    log_in(page, "bob")
    page.wait_for_url(f"{live_server.url}/esap-api/accounts/?format=api")

    assert page.get_by_role("link", name="Bob Builder").is_visible()


def test_after_a_logout_the_button_back_shows_no_page_of_the_user(page, live_server):
    log_in(page, "alice")
    page.wait_for_url(f"{live_server.url}/")
    page.goto(f"{live_server.url}/esap-api/accounts/user-profiles/")
    page.context.request.post(
        f"{live_server.url}/esap-api/oidc/logout", headers={"origin": live_server.url}
    )

    page.goto(live_server.url)
    page.go_back()

    assert "Alice" not in page.content()
