"""An operator finds a stuck job with a real browser, reads why, and aborts it."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import Role, User
from esap.jobs.models import Job
from esap.jobs.stuck import REASONS
from tests.support.browser import browser_page

pytestmark = pytest.mark.django_db(transaction=True)

ADMIN = "/esap-api/admin/jobs/job/"


@pytest.fixture
def page(chromium, live_server):
    """A browser in which an operator has logged in, at the list of jobs."""
    caller = Client()
    caller.force_login(User.objects.create_user("olga", is_staff=True, role=Role.OPERATOR))
    session = caller.cookies[settings.SESSION_COOKIE_NAME].value
    with browser_page(chromium) as page:
        page.set_viewport_size({"width": 1400, "height": 700})
        page.context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        page.goto(live_server.url + ADMIN)
        yield page


def test_a_stuck_job_is_found_and_aborted(page, live_server, tmp_path):
    ada = User.objects.create_user("ada")
    now = timezone.now()
    Job.objects.create(kind="query.search", phase="COMPLETED", owner=ada, ended=now)
    late = {"lease": uuid4(), "due": now - timedelta(hours=1)}
    stuck = Job.objects.create(kind="query.search", phase="EXECUTING", owner=ada, **late)
    page.reload()

    page.get_by_role("link", name="for any reason").click()
    page.wait_for_url("**/?stuck=any")

    table = page.locator("#result_list tbody tr")
    assert table.count() == 1
    assert REASONS["lease"].sentence in table.inner_text()
    page.screenshot(path=tmp_path / "stuck.png")

    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option("abort")
    page.get_by_role("button", name=re.compile("Go|Run")).click()

    page.get_by_text("Aborted: 1.").wait_for()
    stuck.refresh_from_db()
    assert stuck.phase == "ABORTED"
