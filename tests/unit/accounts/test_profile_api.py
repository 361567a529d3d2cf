"""The profile as the published front end and the published Python client know it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.credentials import Credential
from accounts.display_tokens import read_display_token
from accounts.models import BasketItem
from tests.contracts.published import must_fit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

PROFILES = "/esap-api/accounts/user-profiles/"
ADA = f"{PROFILES}ada/"
X = {"archive": "apertif", "record": {"name": "x", "url": "http://a"}}
ENVELOPE = {
    "description": "ESAP API Gateway",
    "version": "ESAP-API version 12 aug 2021",
    "requested_page": "1",
    "requested_page_size": None,
    "default_page_size": 50,
    "max_page_size": 500,
}
TEXTS = [
    '{"archive": "apertif", "record": {"name": "x", "url": "http://a"}}',
    '{"record": {"b": null, "a": {"z": [], "y": [1, [2.5, {}]]}}, "archive": "multi_query"}',
    '{"archive": "vo_reg", "record": ["M31", 18446744073709551615, -9223372036854775808]}',
    '{"archive": "vo_reg", "record": [1.0, -0.0, 0.1, 1e+22, 5e-324, 1]}',
    '{"archive": "samp", "record": ["\\u2609 \\ud83d\\udd2d \\u0000 \\" \\\\"]}',
    '{"archive": "zooniverse", "catalog": "project", "project_id": 12, "category": "subjects"}',
]


@pytest.fixture
def api(as_user, ada):
    return as_user(ada)


def patch(client, body, path=ADA, **headers):
    return client.generic("PATCH", path, json.dumps(body), "application/json", headers=headers)


def cart(client):
    return client.get(ADA).json()["shopping_cart"]


def refused(answer, status, slug):
    assert (answer.status_code, answer.json()["slug"]) == (status, slug)
    return answer.json()["detail"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_is_empty_for_who_has_not_logged_in(client, slash):
    answer = client.get(PROFILES.rstrip("/") + slash)

    assert answer.status_code == 200
    assert answer.json() == {**ENVELOPE, "count": 0, "pages": 0, "results": []}
    must_fit(answer.json(), "empty-page")


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_list_has_the_profile_of_who_asks(api, ada, bob, slash):
    ada.full_name = "Ada Example"
    ada.save()
    patch(api, {"shopping_cart": [X]})

    answer = api.get(PROFILES.rstrip("/") + slash)

    body = answer.json()
    must_fit(body, "user-profiles")
    (profile,) = body.pop("results")
    assert body == {**ENVELOPE, "count": 1, "pages": 1}
    assert read_display_token(profile.pop("oidc_access_token")) == ada.pk
    profile.pop("id_token_expiration")
    assert profile == {
        "user_name": "ada",
        "full_name": "Ada Example",
        "user_email": "ada@example.org",
        "oidc_id_token": "",
        "query_schema": None,
        "software_repositories": [],
        "compute_resources": [],
        "shopping_cart": [{"item_data": json.dumps(X), "user_profile": "ada"}],
    }


def test_the_keys_come_in_the_published_order(api):
    assert list(api.get(ADA).json()) == [
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


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_profile_stands_at_its_name(api, slash):
    answer = api.get(f"{PROFILES}ada{slash}")

    listed = api.get(PROFILES).json()["results"][0]
    changing = {"oidc_access_token": "", "id_token_expiration": ""}
    assert {**answer.json(), **changing} == {**listed, **changing}


@pytest.mark.parametrize(
    "name", ["john.doe", "ada@example.org", "o'hara", "a+b", "müller", "Жанна", "名", "a b", "..."]
)
def test_any_user_name_works_in_the_path(as_user, django_user_model, name):
    api = as_user(django_user_model.objects.create_user(name))

    for path in (f"{PROFILES}{name}/", f"{PROFILES}{name}"):
        answer = patch(api, {"shopping_cart": [X]}, path)
        assert answer.status_code == api.get(path).status_code == 200
        assert answer.json()["shopping_cart"][0]["user_profile"] == name


@pytest.mark.parametrize("name", ["bob", "nobody", "ADA", "ada.", "ad"])
def test_the_profile_of_another_is_404_whether_there_is_one_or_not(api, bob, name):
    for answer in (
        api.get(f"{PROFILES}{name}/"),
        patch(api, {"shopping_cart": [X]}, f"{PROFILES}{name}/"),
    ):
        refused(answer, 404, "not-found")
    assert not BasketItem.objects.exists()


def test_a_profile_needs_a_login(client, ada):
    for answer in (client.get(ADA), patch(client, {"shopping_cart": [X]})):
        refused(answer, 401, "login-required")
    assert not BasketItem.objects.exists()


@pytest.mark.parametrize("text", TEXTS)
def test_an_item_comes_back_key_by_key_as_it_was_sent(api, text):
    body = f'{{"shopping_cart": [{text}]}}'

    answer = api.generic("PATCH", ADA, body, "application/json")

    sent = [{"item_data": text, "user_profile": "ada"}]
    assert answer.status_code == 200
    assert answer.json()["shopping_cart"] == cart(api) == sent
    assert api.get(PROFILES).json()["results"][0]["shopping_cart"] == sent
    must_fit(answer.json(), "profile")


def test_the_cart_is_replaced_as_a_whole(api):
    others = [json.loads(text) for text in TEXTS]
    patch(api, {"shopping_cart": [X]})

    answer = patch(api, {"shopping_cart": others[1:]})
    emptied = patch(api, {"shopping_cart": []})

    assert [json.loads(i["item_data"]) for i in answer.json()["shopping_cart"]] == others[1:]
    assert emptied.json()["shopping_cart"] == cart(api) == []


def test_the_cart_is_the_default_basket(api):
    patch(api, {"shopping_cart": [X]})

    basket = api.get("/esap-api/accounts/baskets/default")

    assert basket.json()["items"] == [X]
    assert (
        basket.headers["ETag"] == api.get(ADA).headers["ETag"] == api.get(PROFILES).headers["ETag"]
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "shopping_cart is missing, or not a list. Send {"),
        ([], "shopping_cart is missing, or not a list. Send {"),
        (None, "shopping_cart is missing, or not a list. Send {"),
        ({"shopping_cart": None}, "shopping_cart is missing, or not a list. Send {"),
        ({"shopping_cart": X}, "shopping_cart is missing, or not a list. Send {"),
        ({"full_name": "Eve"}, "shopping_cart is missing, or not a list. Send {"),
        ({"shopping_cart": [], "full_name": "Eve"}, "full_name: cannot be changed here. Send {"),
        ({"shopping_cart": [X, {"item_data": "{}"}]}, "Item 2: an item without a kind needs"),
    ],
)
def test_a_patch_that_says_something_else_is_told_what_to_send(api, body, sentence):
    patch(api, {"shopping_cart": [X]})

    answer = patch(api, body)

    assert refused(answer, 400, "invalid-request").startswith(sentence)
    assert [json.loads(item["item_data"]) for item in cart(api)] == [X]


def test_a_cart_that_is_too_large_is_refused_and_the_old_one_kept(api, settings):
    patch(api, {"shopping_cart": [X]})
    settings.BASKET_ITEMS = 1

    answer = patch(api, {"shopping_cart": [json.loads(text) for text in TEXTS]})

    assert refused(answer, 413, "too-large") == "These are 6 items, and a basket may have 1."
    assert len(cart(api)) == 1


def test_who_says_the_version_overwrites_no_other(api):
    tag = patch(api, {"shopping_cart": [X]}).headers["ETag"]
    patch(api, {"shopping_cart": []})

    answer = patch(api, {"shopping_cart": [X]}, If_Match=tag)

    refused(answer, 412, "changed-meanwhile")
    assert cart(api) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", PROFILES),
        ("PUT", PROFILES),
        ("PATCH", PROFILES),
        ("DELETE", PROFILES),
        ("POST", ADA),
        ("PUT", ADA),
        ("DELETE", ADA),
    ],
)
def test_nothing_else_can_be_done_to_profiles(api, client, method, path):
    for each in (api, client):
        answer = each.generic(method, path, "{}", "application/json")
        refused(answer, 405, "method-not-allowed")


def test_the_basket_can_be_saved_as_long_as_the_login_lasts(api):
    told = api.get(ADA).json()["id_token_expiration"]

    until = datetime.strptime(told, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(days=13) < until - datetime.now(UTC) <= timedelta(days=14)


@pytest.mark.parametrize("path", [PROFILES, ADA])
@pytest.mark.parametrize("kind", ["access-token", "api-token", "display-token"])
def test_who_came_with_a_token_gets_no_token(as_user, ada, kind, path):
    answer = as_user(ada, Credential(kind)).get(path).json()

    profile = answer["results"][0] if path == PROFILES else answer
    until = datetime.fromisoformat(profile["id_token_expiration"])
    assert profile["oidc_access_token"] == ""
    assert timedelta(minutes=9) < until - datetime.now(UTC) <= timedelta(minutes=10)


@pytest.mark.parametrize("path", [PROFILES, ADA, f"{PROFILES}bob/"])
def test_no_cache_keeps_an_answer(api, path):
    assert api.get(path).headers["Cache-Control"] == "no-store"


class TestBrowsers:
    """The published front end sends no CSRF token; browsers say which page asks."""

    @pytest.fixture
    def browser(self, ada):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ada, "django.contrib.auth.backends.ModelBackend")
        return client

    @pytest.mark.parametrize(
        "headers", [{"Origin": "http://testserver"}, {"Sec-Fetch-Site": "same-origin"}], ids=str
    )
    def test_the_front_end_may_save_the_basket_without_a_csrf_token(self, browser, headers):
        assert patch(browser, {"shopping_cart": [X]}, **headers).status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example.org"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ],
        ids=str,
    )
    def test_a_page_of_another_site_may_not(self, browser, headers):
        refused(patch(browser, {"shopping_cart": [X]}, **headers), 403, "not-allowed")

        assert cart(browser) == []

    def test_the_page_shows_what_to_send(self, browser):
        page = browser.get(ADA, headers={"Accept": "text/html"}).content.decode()

        assert "&quot;shopping_cart&quot;: [" in page


def test_the_published_client_reads_the_basket_in_its_way(as_user, ada, api):
    patch(api, {"shopping_cart": [X]})

    client = as_user(ada, Credential("access-token", frozenset()))
    answer = client.get(PROFILES, headers={"Accept": "application/json"}).json()

    items = [json.loads(item["item_data"]) for item in answer["results"][0]["shopping_cart"]]
    assert [item["archive"] for item in items] == ["apertif"]
