"""Connections to a peer with a login of its own, at a real authorization server."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from accounts.connections import services
from accounts.models import AuditEvent, Grant, User
from accounts.tokens import connection_token
from esap.errors import NotConnected
from tests.support.accounts import Browser, Caller
from tests.support.iam import log_in_at, parameters_of

pytestmark = pytest.mark.django_db

CONNECTIONS = "/esap-api/accounts/connections/"
OURS = {"accept": "application/json", "sec-fetch-site": "same-origin"}


@pytest.fixture
def alice(gateway, browser):
    """A browser in which Alice has logged in."""
    browser.log_in("alice")
    return browser


def begin(browser, query=""):
    """Go to where the gateway sends those who connect."""
    answer = browser.gateway.get(f"{CONNECTIONS}hub/connect{query}")
    assert answer.status_code == 302, answer.content
    return answer.url


def connect(browser, query=""):
    """Connect to the hub; return the gateway's answer to the callback."""
    return browser.come_back(log_in_at(browser.provider, begin(browser, query), "alice"))


def assert_not_connected(answer, sentence):
    assert answer.status_code == 403
    assert "login-failed" in answer.content.decode()
    assert sentence in answer.content.decode()
    assert not Grant.objects.filter(kind="connection").exists()


def test_a_user_connects_and_goes_back_to_where_they_were(alice, gateway):
    answer = connect(alice, "?next=/esap-api/jobs")

    assert (answer.status_code, answer.url) == (302, "/esap-api/jobs")
    (hub,) = alice.get(CONNECTIONS).json()["results"]
    assert (hub["connected"], hub["subject"]) == (True, "alice")
    assert gateway.claims(connection_token(User.objects.get(), "hub").token)["client_id"] == "hub"
    assert AuditEvent.objects.get(action="connection.made").detail == {"server": "hub"}


def test_before_that_the_list_tells_where_to_connect(alice):
    (hub,) = alice.get(CONNECTIONS).json()["results"]

    assert (hub["id"], hub["title"], hub["connected"]) == ("hub", "The hub", False)
    assert hub["connect"] == f"http://testserver{CONNECTIONS}hub/connect"


def test_a_connection_is_asked_for_with_pkce_and_a_state(alice):
    asked = parameters_of(begin(alice))

    assert (asked["client_id"], asked["code_challenge_method"]) == ("hub", "S256")
    assert asked["redirect_uri"] == f"http://testserver{CONNECTIONS}callback"
    assert (len(asked["state"]), len(asked["code_challenge"])) == (43, 43)


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_a_site_that_is_not_ours(alice, wanted):
    answer = connect(alice, f"?{urlencode({'next': wanted})}")

    assert (answer.status_code, answer.url) == (302, reverse("connection-list"))


def test_a_connection_ends_here_and_at_the_peer(breakable, browser):
    browser.log_in("alice")
    connect(browser)
    breakable.forget_hits()

    answer = browser.gateway.delete(f"{CONNECTIONS}hub", headers=OURS)

    assert answer.status_code == 204
    assert not Grant.objects.filter(kind="connection").exists()
    assert breakable.hits()["/revoke"] == 1
    with pytest.raises(NotConnected, match="You are not connected to The hub"):
        connection_token(User.objects.get(), "hub")


def test_a_connection_ends_here_also_while_the_peer_is_away(breakable, browser):
    browser.log_in("alice")
    connect(browser)
    breakable.fault("/revoke", status=503, times=3)

    assert browser.gateway.delete(f"{CONNECTIONS}hub", headers=OURS).status_code == 204

    assert not Grant.objects.filter(kind="connection").exists()


def test_what_is_not_connected_cannot_be_ended(alice):
    answer = alice.gateway.delete(f"{CONNECTIONS}hub", headers=OURS)

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-connected")


def test_who_connects_again_has_one_connection(alice):
    connect(alice)
    connect(alice)

    assert Grant.objects.filter(kind="connection").count() == 1


def test_an_answer_is_good_once(alice):
    callback = log_in_at(alice.provider, begin(alice), "alice")
    assert alice.come_back(callback).status_code == 302

    again = alice.come_back(callback)

    assert again.status_code == 403
    assert "login-failed" in again.content.decode()


def test_an_answer_in_another_browser_makes_no_connection(alice):
    callback = log_in_at(alice.provider, begin(alice), "alice")
    bob = Browser()
    bob.log_in("bob")

    assert_not_connected(bob.come_back(callback), "was not begun in this browser")


def test_an_answer_to_the_user_before_in_this_browser_makes_no_connection(alice):
    url = begin(alice)
    alice.provider.cookies.clear()
    alice.log_in("bob")

    answer = alice.come_back(log_in_at(alice.provider, url, "bob"))

    assert_not_connected(answer, "was not begun in this browser")


def test_an_answer_that_comes_too_late_makes_no_connection(alice, monkeypatch):
    callback = log_in_at(alice.provider, begin(alice), "alice")
    late = services.time.time() + 901
    monkeypatch.setattr(services.time, "time", lambda: late)

    assert_not_connected(alice.come_back(callback), "is too old")


def test_a_code_of_somebody_else_makes_no_connection(alice):
    bob = Browser()
    bob.log_in("bob")
    theirs = parameters_of(log_in_at(bob.provider, begin(bob), "bob"))["code"]
    mine = parameters_of(log_in_at(alice.provider, begin(alice), "alice"))

    answer = alice.gateway.get(f"{CONNECTIONS}callback?{urlencode({**mine, 'code': theirs})}")

    assert_not_connected(answer, "does not know this login any more")


def test_a_connection_that_was_given_up_is_none(alice):
    state = parameters_of(begin(alice))["state"]

    answer = alice.gateway.get(f"{CONNECTIONS}callback?state={state}&error=access_denied")

    assert_not_connected(answer, "The hub did not allow it, or it was given up")


@pytest.mark.parametrize(("named", "status"), [("itself", 302), ("https://evil.example", 403)])
def test_a_peer_that_names_itself_is_held_to_it(idp, configured, browser, named, status):
    configured(idp, connection={"issuer": idp.url if named == "itself" else named})
    browser.log_in("alice")

    assert connect(browser).status_code == status


def test_a_peer_that_is_away_is_told(breakable, browser):
    browser.log_in("alice")
    callback = log_in_at(browser.provider, begin(browser), "alice")
    breakable.fault("/token", status=503)

    answer = browser.come_back(callback)

    assert answer.status_code == 503
    assert "The hub cannot give tokens just now" in answer.content.decode()


def test_a_peer_that_tells_no_name_is_connected_all_the_same(breakable, browser):
    browser.log_in("alice")
    breakable.fault("/userinfo", status=503, times=3)

    connect(browser)

    (hub,) = browser.get(CONNECTIONS).json()["results"]
    assert (hub["connected"], hub["subject"]) == (True, "")


def test_a_peer_for_a_group_is_not_there_for_others(idp, configured):
    configured(idp, connection={"groups": ["/escape/esap"]})
    alice, bob = Browser(), Browser()
    alice.log_in("alice")
    bob.log_in("bob")

    assert [each["id"] for each in alice.get(CONNECTIONS).json()["results"]] == ["hub"]
    assert bob.get(CONNECTIONS).json()["results"] == []
    assert bob.get(f"{CONNECTIONS}hub/connect").status_code == 404


def test_a_program_does_not_connect(gateway):
    caller = Caller(gateway.log_in("alice", audience="esap")["access_token"])

    answer = caller.get(f"{CONNECTIONS}hub/connect")

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")


def test_no_token_of_a_connection_is_stored_in_clear(alice):
    connect(alice)

    grant = Grant.objects.get(kind="connection")
    stored = [grant.refresh_token, *grant.tokens.values_list("token", flat=True)]
    assert len(stored) == 2
    assert all(text.startswith("gAAAA") for text in stored)
