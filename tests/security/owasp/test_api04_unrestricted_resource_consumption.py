"""API4:2023 Unrestricted Resource Consumption: all that a caller may take has a number."""

import json
from datetime import timedelta

import pytest
import yaml
from django.utils import timezone

from accounts.baskets.visitors import VISITOR_KEY
from accounts.models import ApiToken, Basket, BasketItem, User
from esap.jobs.models import Job
from esap.settings.env import Environment
from tests.security.callers import Caller, verdict
from tests.security.holdings import ARCHIVE, MAPPING
from tests.support.database import everything
from tests.support.fakes.http import FakePeer, black_hole

pytestmark = pytest.mark.django_db

A = "/esap-api/accounts/"
ITEMS = f"{A}basket/items/"
SEARCHES = "/esap-api/query/searches/"
CONE = {"ra": 1, "dec": 1, "fov": 1}
STAR = {"archive": "stars", "record": {}}
LIMITS = {
    "api_token_days": 365.0,
    "basket_bytes": 20_000_000,
    "basket_item_bytes": 100_000,
    "basket_items": 5_000,
    "baskets": 50,
    "job_days": 30.0,
    "max_body_bytes": 20_000_000,
    "search_rows_max": 1_000_000,
    "search_timeout_max": 600.0,
    "searches_in_flight": 8,
    "visitor_basket_bytes": 300_000,
    "visitor_basket_items": 200,
    "visitor_baskets": 3,
    "visitor_days": 14.0,
    "visitors_per_address": 200,
}


def stars(count, start=0):
    return [{"archive": "stars", "record": {"n": n}} for n in range(start, start + count)]


def too_large(answer, limit):
    """Assert that nothing was taken because it was too much, and that the limit is told."""
    assert verdict(answer) == (413, "too-large"), answer.content
    told = answer.json()
    assert told.get("limit", limit) == limit
    assert str(limit) in told["detail"]


def test_a_gateway_that_was_told_nothing_has_these_limits():
    assert {name: Environment.model_fields[name].default for name in LIMITS} == LIMITS


def test_a_body_has_at_most_20_mb(ada):
    before = everything()
    most = b" " * (LIMITS["max_body_bytes"] - 2) + b"{}"

    answers = [
        ada.http.post(ITEMS, body, "application/json", headers={"sec-fetch-site": "same-origin"})
        for body in (most, most + b" ")
    ]

    assert verdict(answers[0]) == (400, "invalid-request")  # it was read, and says nothing
    too_large(answers[1], 20_000_000)
    assert everything() == before


def test_a_basket_has_at_most_5000_items(ada):
    assert ada.post(ITEMS, stars(5_000)).status_code == 201
    before = everything()

    too_large(ada.post(ITEMS, stars(1, start=5_000)), 5_000)
    too_large(ada.post(f"{A}baskets/", {"name": "more", "items": stars(5_001)}), 5_000)
    cart = {"shopping_cart": stars(5_001)}
    too_large(ada.ask("PATCH", f"{A}user-profiles/ada/", cart), 5_000)

    assert everything() == before


def test_an_item_has_at_most_100_000_bytes(ada):
    def item(size):
        empty = {"archive": "stars", "record": {"x": ""}}
        return {**empty, "record": {"x": "x" * (size - len(json.dumps(empty)))}}

    assert ada.post(ITEMS, item(100_000)).status_code == 201
    before = everything()
    too_large(ada.post(ITEMS, item(100_001)), 100_000)
    assert everything() == before


def test_a_user_has_at_most_50_baskets_and_20_mb_in_them(ada):
    for number in range(49):
        Basket.objects.create(user=ada.user, name=f"b{number}")
    assert ada.post(f"{A}baskets/", {"name": "the-fiftieth"}).status_code == 201
    large = {"position": 1, "kind": "row", "digest": "d", "data": "x" * 19_999_990}
    BasketItem.objects.create(basket=Basket.objects.get(name="b0"), **large)
    before = everything()

    too_large(ada.post(f"{A}baskets/", {"name": "one-more"}), 50)
    too_large(ada.post(ITEMS, STAR), 20_000_000)

    assert everything() == before


def test_a_visitor_has_200_items_in_4_baskets_of_300_kb_together(nobody):
    assert nobody.post(ITEMS, stars(200)).status_code == 201
    for number in range(3):
        assert nobody.post(f"{A}baskets/", {"name": f"b{number}"}).status_code == 201
    large = {"archive": "stars", "record": {"x": "x" * 99_000}}
    for number in range(2):
        address = f"{ITEMS}?basket=b{number}"
        assert nobody.post(address, {**large, "n": number}).status_code == 201
    before = everything()

    too_large(nobody.post(ITEMS, stars(1, start=200)), 200)
    too_large(nobody.post(f"{A}baskets/", {"name": "b3"}), 3)
    too_large(nobody.post(f"{ITEMS}?basket=b2", [{**large, "n": n} for n in (2, 3)]), 300_000)

    assert everything() == before


def test_200_visitors_of_an_address_have_baskets(nobody):
    first = Caller()
    first.post(ITEMS, STAR)
    place = first.http.session[VISITOR_KEY].partition(".")[0]
    for number in range(198):
        Basket.objects.create(visitor=f"{place}{number:048x}", name="default")
    assert Caller().post(ITEMS, STAR).status_code == 201
    before = everything()

    answer = nobody.post(ITEMS, STAR)

    assert verdict(answer) == (429, "too-many-requests")
    assert answer.json()["limit"] == 200
    assert everything() == before
    assert first.post(ITEMS, stars(1)).status_code == 201
    elsewhere = nobody.http.post(
        ITEMS,
        STAR,
        "application/json",
        REMOTE_ADDR="192.0.2.7",
        headers={"sec-fetch-site": "same-origin"},
    )
    assert elsewhere.status_code == 201


def test_a_user_has_at_most_50_live_tokens_of_at_most_a_year(ada):
    tomorrow = timezone.now() + timedelta(days=1)
    for number in range(49):
        token = {"name": "t", "digest": f"{number}", "expires": tomorrow}
        ApiToken.objects.create(user=ada.user, **token)
    asked = {"name": "t", "scopes": ["read"]}
    too_long = {**asked, "expires": (timezone.now() + timedelta(days=366)).isoformat()}
    assert verdict(ada.post(f"{A}api-tokens/", too_long)) == (400, "invalid-request")
    assert verdict(ada.post(f"{A}api-tokens/", {**asked, "name": "n" * 101}))[0] == 400
    assert ada.post(f"{A}api-tokens/", asked).status_code == 201
    before = everything()

    answer = ada.post(f"{A}api-tokens/", asked)

    assert verdict(answer) == (403, "not-allowed")
    assert "50 API tokens" in answer.json()["detail"]
    assert everything() == before


@pytest.mark.parametrize("letters", ["a" * 16_385, f"{'a' * 8_000}.{'b' * 8_000}.{'c' * 384}"])
def test_a_token_has_at_most_16_kb(letters, nobody, monkeypatch):
    looked_at = []
    monkeypatch.setattr("accounts.authentication._of_access_token", lambda *_: looked_at.append(1))

    answer = Caller(token=letters).get(f"{A}whoami/")

    assert verdict(answer) == (401, "invalid-token")
    assert looked_at == []


def test_a_caller_has_at_most_8_searches_running(ada, bob, settings, tmp_path):
    with FakePeer(black_hole) as archive:
        entry = {**ARCHIVE, "url": archive.url, "private_network": True}
        file = tmp_path / "archive.yaml"
        file.write_text(yaml.safe_dump({"query": {"mappings": [MAPPING], "archives": [entry]}}))
        settings.ENTRY_FILES = [file]
        running = [ada.post(SEARCHES, CONE, accept="application/x-ndjson") for _ in range(8)]
        assert [answer.status_code for answer in running] == [200] * 8
        jobs = Job.objects.count()

        refused = [
            ada.post(SEARCHES, CONE, accept="application/x-ndjson"),
            ada.get("/esap-api/query/query/?archive_uri=stars&ra=1&dec=1&fov=1"),
            ada.get("/esap-api/query/cone/stars-all/?RA=1&DEC=1&SR=1"),
        ]
        others = bob.post(SEARCHES, CONE, accept="application/x-ndjson")

        assert [verdict(answer)[0] for answer in refused[:2]] == [429, 429]
        assert refused[0].json()["limit"] == 8
        assert refused[0].headers["Retry-After"] == "1"
        assert others.status_code == 200
        for answer in (others, *running):
            answer.close()
        assert Job.objects.count() == jobs + 1
        again = ada.post(SEARCHES, CONE, accept="application/x-ndjson")
        again.close()
        assert again.status_code == 200


def test_no_search_of_nobody_waits_for_a_worker(nobody, ada):
    refused = nobody.post(SEARCHES, CONE, prefer="respond-async")

    assert verdict(refused) == (401, "login-required")
    assert not Job.objects.exists()
    assert ada.post(SEARCHES, CONE, prefer="respond-async").status_code == 202


@pytest.mark.parametrize(
    "more", [{"limit": 1_000_001}, {"timeout": 600.1}, {"target": "x" * 2_001}]
)
def test_a_search_asks_for_no_more_than_there_is(more, ada):
    assert verdict(ada.post(SEARCHES, {**CONE, **more})) == (400, "invalid-request")
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", [f"{A}audit/", f"{A}baskets/", "/esap-api/jobs/", SEARCHES])
def test_a_page_of_a_list_has_at_most_200_things(path, ada):
    Job.objects.bulk_create(Job(kind="query.search", owner=ada.user) for _ in range(201))

    for limit in (200, 201, 1_000_000_000):
        answer = ada.get(f"{path}?limit={limit}")
        assert verdict(answer)[0] in ({200} if limit == 200 else {200, 400})
        assert len(answer.json().get("results", ())) <= 200


def test_one_copy_of_the_account_is_made_at_a_time(ada):
    first = ada.get(f"{A}export/")

    assert verdict(ada.get(f"{A}export/")) == (429, "too-many-requests")

    first.close()
    again = ada.get(f"{A}export/")
    again.close()
    assert again.status_code == 200


def test_a_name_that_a_provider_gives_is_cut(provider, configured, db):
    provider.claims |= {"name": "n" * 100_000, "preferred_username": "p" * 100_000}

    assert provider.log_in(Caller().http).status_code == 302

    user = User.objects.get()
    assert (len(user.full_name), len(user.username)) == (255, 140)
