"""What users and visitors do with baskets: look, add, replace, rename, take out.

`if_match` are entity tags, of which the basket must have one, as in If-Match; None asks for none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Length

from accounts.baskets.adoption import BEFORE_LOGIN, adopt, purge_visitors
from accounts.baskets.holding import (
    DEFAULT,
    Room,
    checked_name,
    hold,
    make,
    move,
    name_taken,
    no_basket,
    put,
    tag_of,
)
from accounts.baskets.items import Item, read_items
from accounts.baskets.owners import Owner
from accounts.models import Basket, BasketItem
from esap.errors import InvalidRequest, NotAllowed, NotFound

__all__ = [
    "BEFORE_LOGIN",
    "DEFAULT",
    "Added",
    "Owner",
    "add",
    "adopt",
    "basket_named",
    "baskets_of",
    "create",
    "delete",
    "item_of",
    "purge_visitors",
    "remove",
    "rename",
    "replace",
    "tag_of",
]


@dataclass(frozen=True, slots=True)
class Added:
    """What became of items that were to be added."""

    basket: Basket
    items: list[BasketItem]
    """Each as it is in the basket now, in the order in which they were sent."""
    new: int
    """How many of them were not there before."""


def baskets_of(owner: Owner) -> QuerySet[Basket]:
    """Return the owner's baskets, each with `count` and `bytes` of its items."""
    return owner.baskets().annotate(
        count=Count("items"), bytes=Sum(Length("items__data"), default=0)
    )


def basket_named(owner: Owner, name: str) -> Basket:
    """Return a basket; raise `NotFound` for others', as for those that do not exist.

    The default basket is always there: until something is put in, it is empty and not stored.
    """
    basket = owner.baskets().filter(name=name).first()
    if basket is None and name == DEFAULT:
        return Basket(user=owner.user, visitor=owner.visitor, name=DEFAULT, version=0)
    if basket is None:
        raise no_basket(name)
    return basket


def create(owner: Owner, name: str, sent: Sequence[object] = ()) -> Basket:
    """Make a basket with these items; raise `AlreadyExists` if there is one of this name."""
    items = _read(owner, sent)
    with transaction.atomic():
        basket = make(owner, name)
        Room.of(owner, basket).must_fit(items)
        put(basket, items)
        move(basket)
    return basket


def add(
    owner: Owner,
    sent: Sequence[object],
    *,
    name: str = DEFAULT,
    if_match: Sequence[str] | None = None,
) -> Added:
    """Put items into a basket, behind those there; one that is there already stays as it is.

    All of them or none: raises `TooLarge` if they do not fit.
    """
    items = _read(owner, sent)
    if not items:
        raise InvalidRequest("Send at least one item.")
    with transaction.atomic():
        basket = hold(owner, name, if_match)
        equal = basket.items.filter(digest__in=[item.digest for item in items])
        there = {item.digest: item for item in equal}
        new = [item for item in items if item.digest not in there]
        if new:
            room = Room.of(owner, basket)
            room.must_fit(new)
            there |= {item.digest: item for item in put(basket, new, after=room.last)}
            move(basket)
    return Added(basket, [there[item.digest] for item in items], len(new))


def replace(
    owner: Owner,
    sent: Sequence[object],
    *,
    name: str = DEFAULT,
    if_match: Sequence[str] | None = None,
) -> Basket:
    """Have a basket hold these items and no others, or leave it as it is and raise.

    An item equal to one that was there keeps its id.
    """
    items = _read(owner, sent)
    with transaction.atomic():
        basket = hold(owner, name, if_match)
        Room.of(owner, basket, emptied=True).must_fit(items)
        known = {
            digest: {"id": pk, "created": created}
            for digest, pk, created in basket.items.values_list("digest", "pk", "created")
        }
        basket.items.all().delete()
        put(basket, items, known=known)
        move(basket)
    return basket


@transaction.atomic
def rename(
    owner: Owner, name: str, new_name: str, *, if_match: Sequence[str] | None = None
) -> Basket:
    """Give a basket another name; raise `AlreadyExists` if that is taken."""
    if name == DEFAULT:
        raise NotAllowed("The basket 'default' keeps its name. Make another, and put its items in.")
    basket = hold(owner, name, if_match)
    taken = name_taken(checked_name(new_name))
    if new_name == DEFAULT:
        raise taken
    try:
        with transaction.atomic():
            move(basket, name=new_name)
    except IntegrityError as error:
        raise taken from error
    return basket


@transaction.atomic
def delete(owner: Owner, name: str, *, if_match: Sequence[str] | None = None) -> Basket | None:
    """Delete a basket with its items. The default one is emptied instead, and returned."""
    basket = hold(owner, name, if_match)
    if name != DEFAULT:
        basket.delete()
        return None
    basket.items.all().delete()
    move(basket)
    return basket


def item_of(owner: Owner, item_id: UUID) -> BasketItem:
    """Return an item of any of the owner's baskets, or raise `NotFound`."""
    mine = BasketItem.objects.filter(basket__in=owner.baskets(), pk=item_id)
    item = mine.select_related("basket").first()
    if item is None:
        raise NotFound(f"None of your baskets has an item {item_id}.")
    return item


@transaction.atomic
def remove(owner: Owner, item_id: UUID, *, if_match: Sequence[str] | None = None) -> Basket:
    """Take an item out of its basket, and return the basket as it is without it."""
    basket = hold(owner, item_of(owner, item_id).basket.name, if_match)
    item_of(owner, item_id).delete()  # again: somebody may have been quicker
    move(basket)
    return basket


def _read(owner: Owner, sent: Sequence[object]) -> list[Item]:
    """Return the items, checked; before the transaction, in which all writers of SQLite wait."""
    limits = owner.limits
    return read_items(sent, most=limits.items, most_bytes=limits.item_bytes)
