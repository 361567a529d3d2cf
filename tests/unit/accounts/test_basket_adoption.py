"""What becomes of a visitor's baskets: they come along at a login, or are purged."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tasks
from accounts.actions import Action
from accounts.baskets import services
from accounts.baskets.owners import Owner, visitor_digest
from accounts.baskets.visitors import VISITOR_KEY
from accounts.models import AuditEvent, Basket, Session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

KEY = "0123456789abcdef.secret"
VISITOR = Owner(visitor=visitor_digest(KEY))


def item(name):
    return {"archive": "apertif", "record": {"name": name}}


A, B, C, D = map(item, "abcd")
SIZE = len(json.dumps(A))


def names(owner, basket="default"):
    found = services.basket_named(owner, basket)
    return "".join(
        json.loads(data)["record"]["name"] for data in found.items.values_list("data", flat=True)
    )


@pytest.fixture
def me(ada):
    return Owner(user=ada)


def test_what_a_visitor_has_put_in_is_the_users_after_the_login(ada, me):
    services.add(VISITOR, [A, B])
    services.create(VISITOR, "m31", [C])

    new = services.adopt(KEY, ada)

    assert new == 3
    assert (names(me), names(me, "m31")) == ("ab", "c")
    assert not VISITOR.baskets().exists()


def test_it_comes_behind_what_is_there_and_equal_items_only_once(ada, me):
    services.add(me, [A, D])
    services.add(VISITOR, [B, A, C])

    new = services.adopt(KEY, ada)

    assert (new, names(me)) == (2, "adbc")


def test_an_adopted_item_keeps_its_id_and_the_basket_gets_a_new_version(ada, me):
    services.add(me, [A])
    before = services.basket_named(me, "default")
    kept = services.add(VISITOR, [B]).items[0]

    services.adopt(KEY, ada)

    assert services.item_of(me, kept.pk).data == kept.data
    assert services.basket_named(me, "default").version == before.version + 1


def test_a_login_that_brings_nothing_new_leaves_the_basket_in_its_version(ada, me):
    services.add(me, [A])
    services.add(VISITOR, [A])

    new = services.adopt(KEY, ada)

    assert new == 0
    assert services.basket_named(me, "default").version == 1
    assert not AuditEvent.objects.exists()


def test_an_adoption_done_again_does_nothing(ada, me):
    services.add(VISITOR, [A])

    assert [services.adopt(KEY, ada), services.adopt(KEY, ada)] == [1, 0]
    assert names(me) == "a"


@pytest.mark.parametrize("key", ["", "0123456789abcdef.another", "secret"])
def test_a_key_that_is_nobodys_adopts_nothing(ada, key):
    services.add(VISITOR, [A])

    assert services.adopt(key, ada) == 0
    assert names(VISITOR) == "a"


def test_an_adoption_is_in_the_users_audit_log(ada):
    services.add(VISITOR, [A, B])

    services.adopt(KEY, ada)

    event = AuditEvent.objects.get()
    assert (event.user, event.action, event.detail) == (ada, Action.BASKET_ADOPTED, {"items": 2})


class TestWhatDoesNotFit:
    def test_items_beyond_the_limit_of_a_basket_wait_in_another(self, ada, me, settings):
        settings.BASKET_ITEMS = 3
        services.add(me, [A, B])
        services.add(VISITOR, [B, C, D])

        new = services.adopt(KEY, ada)

        assert new == 2
        assert (names(me), names(me, "before-login")) == ("abc", "d")

    def test_items_beyond_the_bytes_of_a_user_wait_in_another(self, ada, me, settings):
        settings.BASKET_BYTES = 2 * SIZE
        services.create(me, "m31", [A])
        services.add(VISITOR, [B, C])

        services.adopt(KEY, ada)

        assert (names(me), names(me, "before-login")) == ("b", "c")

    def test_a_basket_beyond_their_number_waits_in_another(self, ada, me, settings):
        settings.BASKETS = 1
        services.create(me, "full", [A])
        services.create(VISITOR, "m31", [B])
        services.create(VISITOR, "full", [C])

        services.adopt(KEY, ada)

        assert (names(me, "full"), names(me, "before-login")) == ("ac", "b")

    def test_what_waits_already_is_added_to(self, ada, me, settings):
        settings.BASKET_ITEMS = settings.BASKETS = 1
        services.add(me, [A])
        for left_over in ([B, C], [C, D]):
            settings.VISITOR_BASKET_ITEMS = 2
            services.add(VISITOR, left_over)
            services.adopt(KEY, ada)

        assert (names(me), names(me, "before-login")) == ("a", "bcd")


def test_a_login_in_the_browser_brings_the_visitors_basket_along(ada, settings):
    settings.LOCAL_LOGIN = True
    ada.set_password("a long one")
    ada.save()
    client = Client()
    client.post(
        "/esap-api/accounts/basket/items/",
        json.dumps(A),
        "application/json",
        headers={"Origin": "http://testserver"},
    )
    assert VISITOR_KEY in client.session

    client.post("/esap-api/oidc/local", {"username": "ada", "password": "a long one"})

    assert client.get("/esap-api/accounts/whoami").json()["user_name"] == "ada"
    assert client.get("/esap-api/accounts/baskets/default").json()["items"] == [A]


class TestPurge:
    def aged(self, owner, days):
        services.add(owner, [A])
        owner.baskets().update(changed=timezone.now() - timedelta(days=days))

    def test_a_visitors_basket_goes_after_14_days(self):
        self.aged(VISITOR, 14.1)

        assert services.purge_visitors() == 1
        assert not Basket.objects.exists()

    def test_a_visitors_basket_stays_until_then(self):
        self.aged(VISITOR, 13.9)

        assert services.purge_visitors() == 0
        assert names(VISITOR) == "a"

    def test_a_users_basket_stays_for_ever(self, me):
        self.aged(me, 5000)

        assert services.purge_visitors() == 0
        assert names(me) == "a"

    def test_the_periodic_task_purges_all_that_is_kept_for_a_time(self, settings):
        self.aged(VISITOR, 15)
        old = timezone.now() - timedelta(days=settings.AUDIT_DAYS + 1)
        AuditEvent.objects.create(action="login", time=old)
        Session.objects.create(session_key="x", session_data="", expire_date=old)

        tasks.purge()

        assert not Basket.objects.exists()
        assert not AuditEvent.objects.exists()
        assert not Session.objects.exists()

    def test_the_periodic_task_is_due_every_hour(self, settings):
        due = {entry["task"]: entry["schedule"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

        assert due["accounts.purge"] == 3600
