"""The steps of the published front end and of the published Python client, against our gateway.

What they call and read was recorded from the running software; docs/reference/published-api.md.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from tests.support.accounts import Browser, Caller

pytestmark = pytest.mark.django_db

PROFILES = "/esap-api/accounts/user-profiles/"
ENVELOPE = [
    "description",
    "version",
    "requested_page",
    "requested_page_size",
    "default_page_size",
    "max_page_size",
    "count",
    "pages",
    "results",
]
PROFILE = [
    "user_name",
    "full_name",
    "user_email",
    "oidc_id_token",
    "oidc_access_token",
    "id_token_expiration",
    "query_schema",
    "software_repositories",
    "compute_resources",
    "shopping_cart",
]
ITEMS = [
    {"archive": "apertif", "record": {"name": "x", "url": "http://a", "ra": 1.5e-10}},
    {"archive": "vo_reg", "record": ["a", "", 3]},
    {"archive": "zooniverse", "catalog": "project", "project_id": 7, "category": "subjects"},
]


@pytest.fixture
def front_end(gateway, settings):
    """Alice's browser, in which the front end runs; an axios of 2019 sends no CSRF token."""
    settings.LOGIN_REDIRECT = "/esap-gui/login"
    settings.LOGIN_FAILED_REDIRECT = "/esap-gui/error"
    browser = Browser()
    browser.log_in("alice")
    return browser


def save(browser, items, name="alice"):
    """Send the basket as the front end does: bare items, with the origin of its page."""
    return browser.gateway.patch(
        f"{PROFILES}{name}/",
        json.dumps({"shopping_cart": items}),
        content_type="application/json",
        headers={
            "accept": "application/json, text/plain, */*",
            "origin": "http://testserver",
            "sec-fetch-site": "same-origin",
        },
    )


def test_its_link_leads_to_the_provider_and_back_to_its_login_route(gateway, settings):
    settings.LOGIN_REDIRECT = "/esap-gui/login"
    browser = Browser()

    begun = browser.gateway.get("/esap-api/oidc/authenticate")
    ended = browser.log_in("alice")

    assert begun.status_code == 302
    assert begun.url.startswith(gateway.discovery["authorization_endpoint"])
    assert (ended.status_code, ended.url) == (302, "/esap-gui/login")


def test_a_login_that_fails_leads_to_its_error_route(gateway, settings):
    settings.LOGIN_FAILED_REDIRECT = "/esap-gui/error"

    failed = Browser().gateway.get("/esap-api/oidc/callback/?code=bogus&state=bogus")

    assert (failed.status_code, failed.url) == (302, "/esap-gui/error?problem=login-failed")


def test_its_login_route_reads_the_profile(front_end):
    said = front_end.get(PROFILES).json()

    assert list(said) == ENVELOPE
    assert (said["count"], said["pages"], said["requested_page"]) == (1, 1, "1")
    (profile,) = said["results"]
    assert list(profile) == PROFILE
    assert (profile["user_name"], profile["full_name"], profile["user_email"]) == (
        "alice",
        "Alice Astronomer",
        "alice@example.org",
    )
    assert profile["oidc_id_token"] == ""
    assert (profile["query_schema"], profile["software_repositories"]) == (None, [])
    assert (profile["compute_resources"], profile["shopping_cart"]) == ([], [])


def test_the_profile_tells_when_to_log_in_again_as_the_front_end_parses_it(front_end):
    (profile,) = front_end.get(PROFILES).json()["results"]

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", profile["id_token_expiration"])
    left = datetime.fromisoformat(profile["id_token_expiration"]) - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < left <= timedelta(days=14)


def test_the_token_that_the_profile_shows_can_read_and_is_none_of_the_provider(front_end, gateway):
    shown = front_end.get(PROFILES).json()["results"][0]["oidc_access_token"]
    caller = Caller(shown)

    assert caller.who().json()["credential"] == "display-token"
    answer = caller.client.patch(f"{PROFILES}alice/", "{}", content_type="application/json")
    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert gateway.userinfo(shown).status_code == 401


def test_without_a_login_the_list_of_profiles_is_empty(gateway, browser):
    said = browser.get(PROFILES).json()

    assert (said["count"], said["results"]) == (0, [])


def test_a_basket_comes_back_as_it_was_sent(front_end):
    saved = save(front_end, ITEMS).json()
    read = front_end.get(f"{PROFILES}alice/").json()

    assert saved["shopping_cart"] == read["shopping_cart"]
    assert [json.loads(item["item_data"]) for item in read["shopping_cart"]] == ITEMS
    assert {item["user_profile"] for item in read["shopping_cart"]} == {"alice"}


def test_a_basket_saved_again_replaces_the_one_before(front_end):
    save(front_end, ITEMS)

    save(front_end, ITEMS[1:])

    cart = front_end.get(PROFILES).json()["results"][0]["shopping_cart"]
    assert [json.loads(item["item_data"]) for item in cart] == ITEMS[1:]


def test_a_page_of_another_site_does_not_save_a_basket(front_end):
    answer = front_end.gateway.patch(
        f"{PROFILES}alice/",
        json.dumps({"shopping_cart": ITEMS}),
        content_type="application/json",
        headers={"origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert front_end.get(PROFILES).json()["results"][0]["shopping_cart"] == []


def test_a_name_with_a_dot_and_an_at_has_a_basket(gateway):
    browser = Browser()
    browser.log_in("carol")
    name = browser.get(PROFILES).json()["results"][0]["user_name"]

    answer = save(browser, ITEMS, name)

    assert (name, answer.status_code) == ("carol.o'hara@example.org", 200)
    assert len(answer.json()["shopping_cart"]) == 3


def shopping_client(token):
    """Read the basket as the published Python client does."""
    answer = Caller(token).get(PROFILES)
    answer.json()["results"][0]["shopping_cart"][0]  # as it looks whether there is one
    return [json.loads(item["item_data"]) for item in answer.json()["results"][0]["shopping_cart"]]


def test_the_python_client_reads_the_basket_with_a_token_for_rucio(front_end, gateway):
    save(front_end, ITEMS)
    login = gateway.log_in("alice", client="jupyterhub")
    token = gateway.exchange(login["access_token"], "jupyterhub", audience="rucio").json()

    found = shopping_client(token["access_token"])

    assert gateway.claims(token["access_token"])["aud"] == "rucio"
    assert found == ITEMS
    assert [item for item in found if item["archive"] == "apertif"] == ITEMS[:1]


def test_the_python_clients_answer_has_the_published_keys(front_end, gateway):
    save(front_end, ITEMS)

    said = Caller(gateway.log_in("alice", audience="rucio")["access_token"]).get(PROFILES).json()

    assert list(said) == ENVELOPE
    (profile,) = said["results"]
    assert list(profile) == PROFILE
    assert [list(item) for item in profile["shopping_cart"]] == [["item_data", "user_profile"]] * 3
    # Who came with a token is shown none: it cannot be made to last by another.
    assert (profile["oidc_id_token"], profile["oidc_access_token"]) == ("", "")


def test_the_python_client_works_for_somebody_who_was_never_here(gateway):
    token = gateway.log_in("bob", audience="rucio")["access_token"]

    (profile,) = Caller(token).get(PROFILES).json()["results"]

    assert (profile["user_name"], profile["shopping_cart"]) == ("bob", [])
    assert User.objects.get().username == "bob"
