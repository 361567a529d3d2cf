"""Baskets of visitors, who have not logged in: known by their session, and bounded."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.baskets.owners import Owner, visitor_digest
from accounts.baskets.visitors import VISITOR_KEY
from accounts.models import Basket, BasketItem, Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

ITEMS = "/esap-api/accounts/basket/items/"
BASKETS = "/esap-api/accounts/baskets/"
DEFAULT = f"{BASKETS}default/"
OURS = {"Origin": "http://testserver"}
X = {"archive": "apertif", "record": {"name": "x"}}
Y = {"archive": "apertif", "record": {"name": "y"}}


def visitor(address="192.0.2.1"):
    return Client(enforce_csrf_checks=True, REMOTE_ADDR=address)


def send(client, method, path, body=None, headers=OURS):
    return client.generic(method, path, json.dumps(body), "application/json", headers=headers)


def held(client):
    return client.get(DEFAULT).json()["items"]


def test_a_visitor_finds_again_what_they_put_in():
    client = visitor()

    added = send(client, "POST", ITEMS, [X, Y])
    removed = send(client, "DELETE", added.json()["results"][0]["url"])
    made = send(client, "POST", BASKETS, {"name": "b", "items": [X]})

    assert [answer.status_code for answer in (added, removed, made)] == [201, 204, 201]
    assert held(client) == [Y]
    assert [b["name"] for b in client.get(BASKETS).json()["results"]] == ["b", "default"]


def test_visitors_see_only_what_is_theirs():
    item = send(visitor(), "POST", ITEMS, X).json()["url"]
    other = visitor()
    send(other, "POST", ITEMS, Y)

    assert held(other) == [Y]
    assert held(visitor()) == []
    assert other.get(item).status_code == visitor().get(item).status_code == 404
    assert send(other, "DELETE", item).status_code == 404
    assert BasketItem.objects.count() == 2


def test_a_visitor_and_a_user_do_not_see_each_others(as_user, ada):
    client, user = visitor(), as_user(ada)
    theirs = send(client, "POST", ITEMS, X).json()["url"]
    own = send(user, "POST", ITEMS, Y).json()["url"]

    assert (held(client), held(user)) == ([X], [Y])
    assert client.get(own).status_code == user.get(theirs).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", DEFAULT, None),
        ("GET", BASKETS, None),
        ("GET", ITEMS, None),
        ("POST", ITEMS, {"kind": "url"}),
        ("POST", ITEMS, []),
        ("POST", f"{ITEMS}?basket=none", X),
        ("PUT", DEFAULT, {"items": []}),
        ("DELETE", f"{BASKETS}none/", None),
    ],
)
def test_whoever_only_looks_or_errs_gets_no_session(method, path, body):
    answer = send(visitor(), method, path, body)

    assert "sessionid" not in answer.cookies
    assert not Session.objects.exists()
    assert not Basket.objects.exists()


def test_the_key_is_in_the_session_and_only_its_digest_in_the_basket():
    client = visitor()

    send(client, "POST", ITEMS, X)

    key = client.session[VISITOR_KEY]
    basket = Basket.objects.get()
    assert len(key.partition(".")[2]) == 43
    assert basket.visitor == visitor_digest(key)
    assert key.partition(".")[2] not in basket.visitor
    assert len(basket.visitor) == 64


def test_every_change_makes_the_session_last_longer():
    client = visitor()
    send(client, "POST", ITEMS, X)
    Session.objects.update(expire_date=timezone.now() + timedelta(days=1))

    send(client, "POST", ITEMS, Y)

    assert Session.objects.get().expire_date > timezone.now() + timedelta(days=13)


def test_who_is_nobody_owns_nothing(ada):
    Basket.objects.create(user=ada, name="default")

    assert not Owner(visitor=visitor_digest("")).baskets().exists()
    with pytest.raises(ValueError, match="belongs to a user, or to a visitor"):
        Owner()
    with pytest.raises(ValueError, match="belongs to a user, or to a visitor"):
        Owner(user=ada, visitor="x")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=["none", "foreign", "null", "cross-site"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_page_of_another_site_changes_nothing_for_a_visitor(method, headers):
    client = visitor()
    item = send(client, "POST", ITEMS, X).json()["url"]
    send(client, "POST", BASKETS, {"name": "b"})
    calls = {
        "POST": (ITEMS, Y),
        "PUT": (DEFAULT, {"items": []}),
        "PATCH": (f"{BASKETS}b/", {"name": "c"}),
        "DELETE": (item, None),
    }

    answer = send(client, method, *calls[method], headers={**headers, "If-Match": "*"})

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")
    assert held(client) == [X]
    assert client.get(f"{BASKETS}b/").status_code == 200


class TestLimits:
    def test_a_visitor_may_keep_less_than_a_user(self):
        limits = visitor().get(DEFAULT).json()["limits"]

        assert limits == {"items": 200, "item_bytes": 100_000, "baskets": 3, "bytes": 300_000}

    def test_a_visitor_is_told_that_a_login_gives_more(self, settings):
        settings.VISITOR_BASKET_ITEMS = 2
        client = visitor()
        send(client, "POST", ITEMS, [X, Y])

        answer = send(client, "POST", ITEMS, {"kind": "url", "url": "http://z"})

        assert answer.status_code == 413
        assert answer.json()["detail"] == (
            "The basket 'default' would have 3 items, and a basket may have 2. Log in to keep more."
        )

    @pytest.mark.parametrize(
        ("first", "second", "other"),
        [
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"),
            ("", "", "somewhere"),
        ],
    )
    def test_one_network_has_so_many_visitors(self, settings, first, second, other):
        settings.VISITORS_PER_ADDRESS = 1
        client = visitor(first)
        send(client, "POST", ITEMS, X)

        refused = send(visitor(second), "POST", ITEMS, X)

        assert (refused.status_code, refused.json()["slug"]) == (429, "too-many-requests")
        assert refused.json()["limit"] == 1
        assert "sessionid" not in refused.cookies
        assert send(client, "POST", ITEMS, Y).status_code == 201
        assert send(client, "POST", BASKETS, {"name": "b"}).status_code == 201
        assert send(visitor(other), "POST", ITEMS, X).status_code == 201

    def test_a_visitor_who_left_makes_room_for_another(self, settings):
        settings.VISITORS_PER_ADDRESS = 1
        send(visitor(), "POST", ITEMS, X)
        Basket.objects.all().delete()

        assert send(visitor(), "POST", ITEMS, X).status_code == 201
