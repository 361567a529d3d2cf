"""Baskets of users over HTTP: items, versions, names, limits."""

import json

import pytest

from accounts.models import Basket, BasketItem

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

ITEMS = "/esap-api/accounts/basket/items/"
BASKETS = "/esap-api/accounts/baskets/"
DEFAULT = f"{BASKETS}default/"
X = {"archive": "apertif", "record": {"name": "x", "url": "http://a"}}
Y = {"kind": "did", "archive": "rucio", "did": "sks:m31"}
Z = {"kind": "url", "url": "https://example.org/z"}


@pytest.fixture
def api(as_user, ada):
    return as_user(ada)


def send(client, method, path, body=None, **headers):
    return client.generic(method, path, json.dumps(body), "application/json", headers=headers)


def add(client, *items, basket="default"):
    return send(client, "POST", f"{ITEMS}?basket={basket}", list(items))


def held(client, basket="default"):
    return client.get(f"{BASKETS}{basket}/").json()["items"]


def refused(answer, status, slug):
    assert (answer.status_code, answer.json()["slug"]) == (status, slug)
    return answer.json()["detail"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_basket_that_nobody_has_used_is_empty_and_not_stored(api, slash):
    answer = api.get(f"{BASKETS}default{slash}")

    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"0"'
    assert answer.json() == {
        "name": "default",
        "url": "http://testserver/esap-api/accounts/baskets/default",
        "etag": '"0"',
        "created": None,
        "changed": None,
        "count": 0,
        "bytes": 0,
        "limits": {"items": 5000, "item_bytes": 100_000, "baskets": 50, "bytes": 20_000_000},
        "items": [],
    }
    assert not Basket.objects.exists()


def test_an_item_is_added_and_shown_at_its_own_address(api):
    answer = send(api, "POST", ITEMS, Y)

    item = BasketItem.objects.get()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"http://testserver{ITEMS}{item.pk}"
    assert answer.json() == {
        "id": str(item.pk),
        "url": f"http://testserver{ITEMS}{item.pk}",
        "basket": "default",
        "kind": "did",
        "archive": "rucio",
        "created": item.created.isoformat().replace("+00:00", "Z"),
        "item": Y,
    }
    assert api.get(answer.headers["Location"]).json() == answer.json()


def test_every_answer_tells_the_version_of_the_basket(api):
    added = send(api, "POST", ITEMS, X)
    tag = added.headers["ETag"]

    shown = [api.get(path) for path in (DEFAULT, ITEMS, added.headers["Location"])]
    removed = api.delete(added.headers["Location"])

    basket = Basket.objects.get()
    assert tag == f'"{basket.pk.hex}-1"'
    assert [answer.headers["ETag"] for answer in shown] == [tag] * 3
    assert removed.headers["ETag"] == f'"{basket.pk.hex}-2"'


def test_an_item_equal_to_one_that_is_there_adds_nothing(api):
    first = send(api, "POST", ITEMS, X)

    again = send(api, "POST", ITEMS, {"record": {"url": "http://a", "name": "x"}, **X})

    assert again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["ETag"] == first.headers["ETag"]
    assert held(api) == [X]


def test_of_a_list_only_what_is_new_is_added(api):
    add(api, X)

    answer = add(api, Y, X, Z, Y)

    assert answer.status_code == 201
    assert answer.json()["added"] == 2
    assert [shown["item"] for shown in answer.json()["results"]] == [Y, X, Z]
    assert held(api) == [X, Y, Z]


def test_a_list_with_nothing_new_answers_200(api):
    add(api, X, Y)

    answer = add(api, Y, X)

    assert (answer.status_code, answer.json()["added"]) == (200, 0)


def test_of_a_list_with_one_bad_item_none_is_added(api):
    answer = add(api, X, {"kind": "url"})

    assert refused(answer, 400, "invalid-request").startswith("Item 2: an item of kind 'url'")
    assert not BasketItem.objects.exists()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "Send at least one item."),
        ("x", "Send an item, which is a JSON object, or a list of items."),
        (None, "Send an item, which is a JSON object, or a list of items."),
        ({"items": []}, "Item 1: an item without a kind needs archive and record"),
    ],
)
def test_what_is_no_item_is_refused(api, body, sentence):
    answer = send(api, "POST", ITEMS, body)

    assert refused(answer, 400, "invalid-request").startswith(sentence)


def test_a_form_is_refused_because_it_has_only_texts(api):
    answer = api.post(ITEMS, {"archive": "apertif"})

    assert answer.status_code == 415


def test_items_come_back_exactly_as_they_were_sent(api):
    text = (
        '{"record": {"z": null, "a": [1, 1.0, {"ra": 1e+22}], "id": 18446744073709551615, '
        '"\\u00b5": "\\u2609 \\u0000"}, "archive": "apertif"}'
    )

    answer = api.generic("POST", ITEMS, text, "application/json")

    assert f'"item":{text}' in answer.content.decode()
    assert f'"items":[{text}]' in api.get(DEFAULT).content.decode()


def test_the_list_of_items_is_the_newest_first_in_pages(api):
    items = [{**X, "record": {"number": number}} for number in range(5)]
    add(api, *items)

    seen, url = [], f"{ITEMS}?limit=2"
    while url:
        page = api.get(url)
        seen += [shown["item"] for shown in page.json()["results"]]
        url = page.json()["next"]

    assert seen == items[::-1]


def test_the_list_of_items_is_filtered(api):
    add(api, X, Y, Z)
    send(api, "POST", BASKETS, {"name": "other", "items": [Z]})

    def listed(query):
        return [shown["item"] for shown in api.get(f"{ITEMS}?{query}").json()["results"]]

    assert listed("kind=did") == [Y]
    assert listed("archive=apertif") == [X]
    assert listed("basket=other") == [Z]
    assert listed("basket=other&kind=did") == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ITEMS}?colour=red"),
        ("GET", f"{ITEMS}?kind=galaxy"),
        ("GET", f"{ITEMS}?limit=0"),
        ("GET", f"{ITEMS}?cursor=x"),
        ("POST", f"{ITEMS}?kind=did"),
        ("GET", f"{BASKETS}?name=default"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_and_named(api, method, path):
    answer = send(api, method, path, X)

    name = path.partition("?")[2].partition("=")[0]
    assert name in refused(answer, 400, "invalid-request")


def test_an_item_is_taken_out(api):
    gone, _ = (shown["id"] for shown in add(api, X, Y).json()["results"])

    answer = api.delete(f"{ITEMS}{gone}/")

    assert answer.status_code == 204
    assert held(api) == [Y]
    assert api.delete(f"{ITEMS}{gone}/").status_code == 404


def test_others_baskets_and_items_are_not_there(api, as_user, bob):
    item = send(api, "POST", f"{ITEMS}", X).json()["id"]
    send(api, "POST", BASKETS, {"name": "mine", "items": [Y]})
    theirs = as_user(bob)

    for answer in [
        theirs.get(f"{BASKETS}mine/"),
        theirs.get(f"{ITEMS}?basket=mine"),
        theirs.get(f"{ITEMS}{item}/"),
        theirs.delete(f"{ITEMS}{item}/"),
        theirs.delete(f"{BASKETS}mine/"),
        add(theirs, Z, basket="mine"),
        send(theirs, "PUT", f"{BASKETS}mine/", {"items": []}, If_Match="*"),
        send(theirs, "PATCH", f"{BASKETS}mine/", {"name": "yours"}),
    ]:
        refused(answer, 404, "not-found")
    assert theirs.get(BASKETS).json()["results"] == []
    assert theirs.get(DEFAULT).json()["items"] == []
    assert held(api) == [X]
    assert held(api, "mine") == [Y]


def test_a_basket_is_replaced_in_the_version_that_the_caller_knows(api):
    tag = add(api, X, Y).headers["ETag"]

    answer = send(api, "PUT", DEFAULT, {"items": [Z, X]}, If_Match=tag)

    assert answer.status_code == 200
    assert answer.json()["items"] == held(api) == [Z, X]
    assert answer.headers["ETag"] == answer.json()["etag"] == api.get(DEFAULT).headers["ETag"]
    assert answer.headers["ETag"] != tag


def test_an_item_that_stays_when_a_basket_is_replaced_keeps_its_id(api):
    added = add(api, X, Y)
    ids = {shown["item"]["archive"]: shown["id"] for shown in added.json()["results"]}

    send(api, "PUT", DEFAULT, {"items": [Z, X]}, If_Match=added.headers["ETag"])

    listed = api.get(ITEMS).json()["results"]
    assert [shown["item"] for shown in listed] == [X, Z]
    assert listed[0]["id"] == ids["apertif"]


def test_a_basket_is_replaced_only_by_who_says_which_version(api):
    add(api, X)

    answer = send(api, "PUT", DEFAULT, {"items": []})

    assert "If-Match" in refused(answer, 428, "precondition-required")
    assert held(api) == [X]


@pytest.mark.parametrize("tag", ['"0"', '"x", "y"', "nonsense", ""])
def test_a_version_that_is_past_changes_nothing(api, tag):
    item = add(api, X).json()["results"][0]["url"]
    send(api, "POST", BASKETS, {"name": "other", "items": [X]})

    answers = [
        send(api, "PUT", DEFAULT, {"items": []}, If_Match=tag),
        send(api, "POST", ITEMS, Y, If_Match=tag),
        send(api, "POST", ITEMS, X, If_Match=tag),
        send(api, "DELETE", item, If_Match=tag),
        send(api, "DELETE", DEFAULT, If_Match=tag),
        send(api, "DELETE", f"{BASKETS}other/", If_Match=tag),
        send(api, "PATCH", f"{BASKETS}other/", {"name": "new"}, If_Match=tag),
    ]

    for answer in answers:
        assert "has changed since you read it" in refused(answer, 412, "changed-meanwhile")
    assert held(api) == held(api, "other") == [X]


@pytest.mark.parametrize("wrap", ["{}", "W/{}", '"other", {}', "*"])
def test_a_version_is_known_also_in_a_list_or_weakened_by_a_proxy(api, wrap):
    tag = add(api, X).headers["ETag"]

    answer = send(api, "PUT", DEFAULT, {"items": [Y]}, If_Match=wrap.format(tag))

    assert answer.status_code == 200


def test_a_basket_that_was_never_used_is_replaced_in_its_first_version(api):
    answer = send(api, "PUT", DEFAULT, {"items": [X]}, If_Match='"0"')
    again = send(api, "PUT", DEFAULT, {"items": []}, If_Match='"0"')

    assert (answer.status_code, again.status_code) == (200, 412)


def test_a_basket_made_anew_is_not_taken_for_the_one_before(api):
    made = send(api, "POST", BASKETS, {"name": "b", "items": [X]})
    api.delete(f"{BASKETS}b/")
    send(api, "POST", BASKETS, {"name": "b", "items": [Y]})

    answer = send(api, "PUT", f"{BASKETS}b/", {"items": []}, If_Match=made.headers["ETag"])

    assert answer.status_code == 412


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("PUT", DEFAULT, {}, "items: This field is required."),
        ("PUT", DEFAULT, {"items": {}}, "items: Send a list of items."),
        ("PUT", DEFAULT, {"items": [], "name": "x"}, "name: cannot be set here. Send items."),
        ("PUT", DEFAULT, [X], "Send a JSON object."),
        ("POST", BASKETS, {"items": []}, "name: This field is required."),
        ("POST", BASKETS, {"name": "x", "etag": "y"}, "etag: cannot be set here. Send name, items"),
        ("PATCH", f"{BASKETS}b/", {"items": []}, "items: cannot be set here. Send name."),
    ],
)
def test_a_body_that_cannot_be_is_refused(api, method, path, body, sentence):
    answer = send(api, method, path, body, If_Match="*")

    assert refused(answer, 400, "invalid-request").startswith(sentence)


@pytest.mark.parametrize("name", ["Pleiades", "M 31 (deep)", "müßig", "a.b@c", "x" * 64, "..."])
def test_a_basket_may_have_any_name_that_fits_into_a_path(api, name):
    made = send(api, "POST", BASKETS, {"name": name, "items": [X]})

    assert made.status_code == 201
    assert made.json()["name"] == name
    assert api.get(made.headers["Location"]).json() == made.json()


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "a\\b", " a", "a ", ".", "..", "a\nb", "a\u0000b", "x" * 65, None]
)
def test_a_name_that_cannot_stand_in_a_path_is_refused(api, name):
    answer = send(api, "POST", BASKETS, {"name": name})

    assert refused(answer, 400, "invalid-request").startswith("name: ")
    assert not Basket.objects.exists()


def test_two_baskets_have_two_names(api):
    send(api, "POST", BASKETS, {"name": "b", "items": [X]})

    for name in ("b", "default"):
        refused(send(api, "POST", BASKETS, {"name": name}), 409, "already-exists")
    assert held(api, "b") == [X]


def test_two_users_may_have_the_same_name_for_a_basket(api, as_user, bob):
    send(api, "POST", BASKETS, {"name": "b", "items": [X]})

    assert send(as_user(bob), "POST", BASKETS, {"name": "b", "items": [Y]}).status_code == 201
    assert held(api, "b") == [X]


def test_baskets_are_listed_the_newest_first_with_what_they_hold(api):
    add(api, X, Y)
    send(api, "POST", BASKETS, {"name": "empty"})

    empty, default = api.get(BASKETS).json()["results"]

    assert (empty["name"], empty["count"], empty["bytes"]) == ("empty", 0, 0)
    assert (default["name"], default["count"]) == ("default", 2)
    assert default["bytes"] == len(json.dumps(X)) + len(json.dumps(Y))
    assert default["etag"] == api.get(DEFAULT).headers["ETag"]


def test_a_basket_is_renamed(api):
    tag = send(api, "POST", BASKETS, {"name": "b", "items": [X]}).headers["ETag"]

    answer = send(api, "PATCH", f"{BASKETS}b/", {"name": "c"}, If_Match=tag)

    assert (answer.status_code, answer.json()["name"], answer.json()["items"]) == (200, "c", [X])
    assert answer.headers["ETag"] != tag
    assert api.get(f"{BASKETS}b/").status_code == 404


@pytest.mark.parametrize("taken", ["c", "default"])
def test_a_basket_is_not_renamed_over_another(api, taken):
    send(api, "POST", BASKETS, {"name": "b", "items": [X]})
    send(api, "POST", BASKETS, {"name": "c", "items": [Y]})

    answer = send(api, "PATCH", f"{BASKETS}b/", {"name": taken})

    refused(answer, 409, "already-exists")
    assert (held(api, "b"), held(api, "c")) == ([X], [Y])


def test_the_default_basket_keeps_its_name(api):
    refused(send(api, "PATCH", DEFAULT, {"name": "b"}), 403, "not-allowed")


def test_the_default_basket_is_emptied_instead_of_deleted(api):
    tag = add(api, X).headers["ETag"]

    answer = api.delete(DEFAULT)

    assert answer.status_code == 204
    assert answer.headers["ETag"] == api.get(DEFAULT).headers["ETag"] != tag
    assert held(api) == []


def test_another_basket_is_deleted_with_its_items(api):
    send(api, "POST", BASKETS, {"name": "b", "items": [X]})

    answer = api.delete(f"{BASKETS}b/")

    assert answer.status_code == 204
    assert api.get(f"{BASKETS}b/").status_code == 404
    assert not BasketItem.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        f"{BASKETS}none/",
        f"{BASKETS}a%00b/",
        f"{ITEMS}?basket=none",
        f"{ITEMS}1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    ],
)
def test_what_is_not_there_is_404(api, path):
    refused(api.get(path), 404, "not-found")


class TestLimits:
    def test_a_basket_has_so_many_items(self, api, settings):
        settings.BASKET_ITEMS = 2
        add(api, X)

        answer = add(api, Y, Z)

        assert refused(answer, 413, "too-large") == (
            "The basket 'default' would have 3 items, and a basket may have 2."
        )
        assert (answer.json()["size"], answer.json()["limit"]) == (3, 2)
        assert held(api) == [X]

    def test_what_is_there_already_takes_no_room(self, api, settings):
        settings.BASKET_ITEMS = 2
        add(api, X)

        assert add(api, X, Y).status_code == 201

    def test_all_baskets_together_have_so_many_bytes(self, api, settings):
        settings.BASKET_BYTES = len(json.dumps(X)) + len(json.dumps(Y))
        send(api, "POST", BASKETS, {"name": "b", "items": [X]})

        assert add(api, Y).status_code == 201
        answer = add(api, Z)

        size = settings.BASKET_BYTES + len(json.dumps(Z))
        assert refused(answer, 413, "too-large") == (
            f"Your baskets would have {size} bytes together, and may have {settings.BASKET_BYTES}."
        )
        assert held(api) == [Y]

    def test_a_basket_that_is_replaced_makes_room_first(self, api, settings):
        settings.BASKET_ITEMS, settings.BASKET_BYTES = 2, len(json.dumps(X)) + len(json.dumps(Y))
        add(api, X, Y)

        answer = send(api, "PUT", DEFAULT, {"items": [Y, X]}, If_Match="*")
        too_much = send(api, "PUT", DEFAULT, {"items": [X, Y, Z]}, If_Match="*")

        assert answer.status_code == 200
        assert too_much.status_code == 413
        assert held(api) == [Y, X]

    def test_an_item_has_so_many_bytes(self, api, settings):
        settings.BASKET_ITEM_BYTES = len(json.dumps(X)) - 1

        refused(add(api, X), 413, "too-large")

    def test_there_are_so_many_baskets_besides_the_default_one(self, api, settings):
        settings.BASKETS = 1
        add(api, X)
        send(api, "POST", BASKETS, {"name": "b"})

        answer = send(api, "POST", BASKETS, {"name": "c"})

        assert refused(answer, 413, "too-large") == (
            "You have 1 baskets, which is all that is allowed. Delete one first."
        )


@pytest.mark.parametrize(
    ("path", "example"),
    [
        (BASKETS, "Pleiades"),
        (DEFAULT, "gaia_bright"),
        (ITEMS, "gaia_bright"),
    ],
)
def test_the_page_for_a_browser_shows_what_to_send(api, path, example):
    page = api.get(path, headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert example in page.content.decode()


@pytest.mark.parametrize("path", [BASKETS, DEFAULT, ITEMS, f"{BASKETS}none/"])
def test_no_cache_keeps_an_answer(api, path):
    assert api.get(path).headers["Cache-Control"] == "no-store"
