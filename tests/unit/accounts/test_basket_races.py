"""Of several who change one basket at the same moment, nobody's change is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, transaction

from accounts.baskets import services
from accounts.baskets.holding import hold, move
from accounts.baskets.owners import Owner, visitor_digest
from accounts.models import Basket, BasketItem, User
from esap.errors import ChangedMeanwhile, EsapError, InvalidRequest
from tests.support.database import file_database, postgres_database

ROUNDS = 5
KEY = "0123456789abcdef.secret"


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))]
)
def database(request, tmp_path_factory, django_db_blocker):
    """Make the tables once for all tests of this file, on either database."""
    folder = tmp_path_factory.mktemp("races")
    own = (
        file_database(folder / "baskets.sqlite3")
        if request.param == "sqlite"
        else postgres_database(request.getfixturevalue("postgres").url, folder)
    )
    with django_db_blocker.unblock(), own:
        yield


@pytest.fixture
def owner(database):
    User.objects.all().delete()
    return Owner(user=User.objects.create(username="ada"))


def item(number):
    return {"archive": "apertif", "record": {"number": number}}


def at_once(*functions):
    """Call all at the same time, each in a thread; return what each returned or raised."""
    barrier = Barrier(len(functions))

    def call(function):
        barrier.wait()
        try:
            return function()
        except EsapError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


def test_items_that_many_tabs_add_at_once_are_all_there(owner):
    for round_ in range(ROUNDS):
        name = f"round {round_}"
        services.create(owner, name)

        at_once(*[lambda n=n, b=name: services.add(owner, [item(n)], name=b) for n in range(8)])

        basket = services.basket_named(owner, name)
        assert basket.version == 9
        assert sorted(basket.items.values_list("position", flat=True)) == list(range(1, 9))
        assert basket.items.values("digest").distinct().count() == 8


def test_the_default_basket_is_made_once_however_many_use_it_first(owner):
    outcomes = at_once(*[lambda n=n: services.add(owner, [item(n)]) for n in range(8)])

    assert [outcome.new for outcome in outcomes] == [1] * 8
    assert Basket.objects.count() == 1
    assert BasketItem.objects.count() == 8


def test_one_item_that_many_add_at_once_is_there_once(owner):
    outcomes = at_once(*[lambda: services.add(owner, [item(1)])] * 8)

    assert sorted(outcome.new for outcome in outcomes) == [0] * 7 + [1]
    assert {outcome.items[0].pk for outcome in outcomes} == {BasketItem.objects.get().pk}
    assert Basket.objects.get().version == 1


def test_of_many_who_replace_one_version_one_succeeds_and_the_others_are_told(owner):
    for _ in range(ROUNDS):
        tag = services.tag_of(services.basket_named(owner, "default"))

        outcomes = at_once(
            *[
                lambda n=n, tag=tag: services.replace(owner, [item(n)] * 3, if_match=[tag])
                for n in range(6)
            ]
        )

        (won,) = [outcome for outcome in outcomes if isinstance(outcome, Basket)]
        assert sum(isinstance(outcome, ChangedMeanwhile) for outcome in outcomes) == 5
        assert services.basket_named(owner, "default").version == won.version
        assert BasketItem.objects.count() == 1


def test_of_many_who_make_a_basket_of_one_name_one_does(owner):
    outcomes = at_once(*[lambda n=n: services.create(owner, "b", [item(n)]) for n in range(6)])

    assert sum(isinstance(outcome, Basket) for outcome in outcomes) == 1
    assert {outcome.slug for outcome in outcomes if isinstance(outcome, EsapError)} == {
        "already-exists"
    }
    assert BasketItem.objects.count() == 1


def test_logins_in_many_tabs_adopt_a_visitors_basket_once(owner):
    visitor = Owner(visitor=visitor_digest(KEY))
    services.add(owner, [item(0)])
    services.add(visitor, [item(n) for n in range(5)])

    outcomes = at_once(*[lambda: services.adopt(KEY, owner.user)] * 4)

    assert sorted(outcomes) == [0, 0, 0, 4]
    assert services.basket_named(owner, "default").items.count() == 5
    assert not visitor.baskets().exists()


def test_a_writer_without_the_newest_version_moves_nothing(owner):
    services.add(owner, [item(1)])
    with transaction.atomic():
        stale = hold(owner, "default")
    services.add(owner, [item(2)])

    with pytest.raises(ChangedMeanwhile):
        move(stale)

    assert services.basket_named(owner, "default").version == 2


def test_a_change_that_fails_leaves_neither_items_nor_a_new_version(owner):
    services.add(owner, [item(1)])

    with pytest.raises(InvalidRequest):
        services.replace(owner, [item(2), "no item"])

    assert services.basket_named(owner, "default").version == 1
    assert BasketItem.objects.count() == 1
