"""Jobs in a user's name outlast the login that they were submitted with."""

import pytest
from django.utils import timezone

from accounts.models import Grant, PeerToken, User
from accounts.tokens import connection_token, end, token_for
from esap.jobs import services
from esap.jobs.kinds import JobKind
from esap.jobs.moves import Result
from tests.support.accounts import Browser
from tests.support.iam import log_in_at

pytestmark = pytest.mark.django_db(transaction=True)

CONNECT = "/esap-api/accounts/connections/hub/connect"


def at_rucio(job):
    return [
        Result("token", "text/plain", "/results/token", len(token_for(job.owner, "rucio").token))
    ]


def at_the_hub(job):
    connection_token(job.owner, "hub")


KINDS = {
    "test.rucio": JobKind("test.rucio", at_rucio, repeatable=True),
    "test.hub": JobKind("test.hub", at_the_hub, repeatable=True),
}


@pytest.fixture
def browser(breakable, settings):
    settings.JOB_KINDS = [f"{__name__}.KINDS"]
    browser = Browser()
    browser.log_in("alice")
    PeerToken.objects.update(expires=timezone.now())
    return browser


@pytest.fixture
def alice(browser):
    return User.objects.get()


def now(job):
    job.refresh_from_db()
    return job


def test_a_job_whose_login_was_revoked_is_held_and_the_next_login_lets_it_complete(
    breakable, alice
):
    breakable.revoke_user("alice")

    job = services.submit("test.rucio", {}, alice)

    assert now(job).phase == "HELD"
    assert "Log in again at /esap-api/oidc/authenticate" in job.waits_for
    assert job.problem is None

    Browser().log_in("alice")

    assert (now(job).phase, job.waits_for) == ("COMPLETED", "")
    assert [result["name"] for result in job.results] == ["token"]


def test_the_login_of_another_lets_it_wait(breakable, alice):
    breakable.revoke_user("alice")
    job = services.submit("test.rucio", {}, alice)

    Browser().log_in("bob")

    assert now(job).phase == "HELD"


def test_a_job_that_needs_a_connection_is_held_until_it_is_made(alice, browser):
    job = services.submit("test.hub", {}, alice)
    assert now(job).phase == "HELD"
    assert "Connect at /esap-api/accounts/connections" in job.waits_for

    hub = browser.gateway.get(CONNECT)
    browser.come_back(log_in_at(browser.provider, hub.url, "alice"))

    assert (now(job).phase, job.waits_for) == ("COMPLETED", "")


def test_a_login_that_does_not_help_leaves_the_job_held_with_its_sentence(alice):
    job = services.submit("test.hub", {}, alice)
    end(Grant.objects.get())

    Browser().log_in("alice")

    assert now(job).phase == "HELD"
    assert "You are not connected to" in job.waits_for
