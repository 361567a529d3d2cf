"""Connections to a peer with a login of its own, at a real authorization server."""

import pytest

from accounts.models import AuditEvent, Grant, User
from accounts.tokens import connection_token
from esap.errors import NotConnected
from tests.support.accounts import Browser
from tests.support.iam import log_in_at

pytestmark = pytest.mark.django_db(transaction=True)

CONNECTIONS = "/esap-api/accounts/connections/"


@pytest.fixture
def alice(gateway, browser):
    """A browser in which Alice has logged in."""
    browser.log_in("alice")
    return browser


def connect(browser, query=""):
    """Connect to the hub; return the gateway's answer to the callback."""
    answer = browser.gateway.get(f"{CONNECTIONS}hub/connect{query}")
    assert answer.status_code == 302, answer.content
    return browser.come_back(log_in_at(browser.provider, answer.url, "alice"))


def test_a_user_connects_and_goes_back_to_where_they_were(alice, gateway):
    answer = connect(alice, "?next=/esap-api/jobs")

    assert (answer.status_code, answer.url) == (302, "/esap-api/jobs")
    (hub,) = alice.get(CONNECTIONS).json()["results"]
    assert (hub["connected"], hub["subject"]) == (True, "alice")
    assert gateway.claims(connection_token(User.objects.get(), "hub").token)["client_id"] == "hub"
    assert AuditEvent.objects.get(action="connection.made").detail == {"server": "hub"}


def test_a_connection_ends_here_and_at_the_peer(alice, gateway):
    connect(alice)
    before = gateway.hits().get("/revoke", 0)

    answer = alice.gateway.delete(
        f"{CONNECTIONS}hub",
        headers={"accept": "application/json", "sec-fetch-site": "same-origin"},
    )

    assert answer.status_code == 204
    assert not Grant.objects.filter(kind="connection").exists()
    assert gateway.hits()["/revoke"] == before + 1
    with pytest.raises(NotConnected, match="You are not connected to The hub"):
        connection_token(User.objects.get(), "hub")


def test_an_answer_is_good_once(alice, gateway):
    begun = alice.gateway.get(f"{CONNECTIONS}hub/connect")
    callback = log_in_at(alice.provider, begun.url, "alice")
    assert alice.come_back(callback).status_code == 302

    again = alice.come_back(callback)

    assert again.status_code == 403
    assert "login-failed" in again.content.decode()


def test_an_answer_in_another_browser_makes_no_connection(alice, gateway):
    begun = alice.gateway.get(f"{CONNECTIONS}hub/connect")
    callback = log_in_at(alice.provider, begun.url, "alice")
    bob = Browser()
    bob.log_in("bob")

    refused = bob.come_back(callback)

    assert refused.status_code == 403
    assert not Grant.objects.filter(kind="connection").exists()
