"""The other published lists of accounts, what leads to them, and who the caller is."""

import json

import pytest

from accounts.credentials import Credential
from tests.contracts.published import must_fit

pytestmark = pytest.mark.django_db

ACCOUNTS = "/esap-api/accounts/"
EMPTY = ["query-schemas", "compute-resources", "software-repositories"]
X = {"archive": "apertif", "record": {"name": "x"}}
Y = {"archive": "apertif", "record": {"name": "y"}}


@pytest.fixture
def api(as_user, ada):
    return as_user(ada)


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_root_leads_to_the_published_lists_and_to_ours(client, slash):
    answer = client.get(f"/esap-api/accounts{slash}")

    must_fit(answer.json(), "accounts-root")
    names = list(answer.json())
    assert names[:8] == [
        "query-schemas",
        "compute-resources",
        "software-repositories",
        "shopping-items",
        "user-profiles",
        "whoami",
        "baskets",
        "basket/items",
    ]
    assert answer.json() == {name: f"http://testserver{ACCOUNTS}{name}/" for name in names}
    assert {client.get(url).status_code for url in answer.json().values()} == {200, 401}


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", EMPTY)
def test_what_nobody_has_is_an_empty_page(client, api, name, slash):
    for each in (client, api):
        answer = each.get(f"{ACCOUNTS}{name}{slash}")

        assert answer.status_code == 200
        assert (answer.json()["count"], answer.json()["results"]) == (0, [])
        must_fit(answer.json(), "empty-page")


@pytest.mark.parametrize("name", [*EMPTY, "shopping-items", ""])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_published_lists_cannot_be_written(client, api, name, method):
    for each in (client, api):
        answer = each.generic(method, f"{ACCOUNTS}{name}", "{}", "application/json")

        assert (answer.status_code, answer.json()["slug"]) == (405, "method-not-allowed")


def test_shopping_items_are_the_callers_own(client, api, as_user, bob):
    for each, item in ((api, X), (as_user(bob), Y)):
        each.generic("POST", f"{ACCOUNTS}basket/items", json.dumps(item), "application/json")

    own = api.get(f"{ACCOUNTS}shopping-items").json()
    nobodys = client.get(f"{ACCOUNTS}shopping-items").json()

    assert own["results"] == [{"item_data": json.dumps(X), "user_profile": "ada"}]
    assert (own["count"], nobodys["count"], nobodys["results"]) == (1, 0, [])
    must_fit(nobodys, "empty-page")


def test_shopping_items_come_in_pages(api):
    api.generic("POST", f"{ACCOUNTS}basket/items", json.dumps([X, Y]), "application/json")

    page = api.get(f"{ACCOUNTS}shopping-items?page=2&page_size=1").json()

    assert (page["count"], page["pages"], page["requested_page"]) == (2, 2, "2")
    assert page["results"] == [{"item_data": json.dumps(Y), "user_profile": "ada"}]


def test_who_has_not_logged_in_is_told_where_to(client):
    answer = client.get(f"{ACCOUNTS}whoami")

    assert answer.status_code == 200
    assert answer.json() == {
        "authenticated": False,
        "login_url": "http://testserver/esap-api/oidc/authenticate",
    }


def test_who_has_logged_in_is_told_who_they_are(ada, as_user):
    ada.full_name, ada.provider, ada.role = "Ada Example", "iam", "operator"
    ada.claimed_groups = ["/escape/esap", "escape", "/escape"]
    ada.save()

    answer = as_user(ada).get(f"{ACCOUNTS}whoami/")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "authenticated": True,
        "user_name": "ada",
        "full_name": "Ada Example",
        "email": "ada@example.org",
        "provider": "iam",
        "groups": ["escape", "escape/esap"],
        "role": "operator",
        "credential": "session",
        "scopes": None,
    }


def test_who_comes_with_a_token_is_told_what_it_is_good_for(ada, as_user):
    token = Credential("api-token", frozenset({"query:read", "accounts:read"}))

    who = as_user(ada, token).get(f"{ACCOUNTS}whoami").json()

    assert (who["credential"], who["scopes"]) == ("api-token", ["accounts:read", "query:read"])
