"""What becomes of a visitor's baskets: at a login they become the user's, or in time they go."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts import audit
from accounts.actions import Action
from accounts.baskets.holding import DEFAULT, Room, hold, move
from accounts.baskets.owners import Owner, visitor_digest
from accounts.models import Basket, BasketItem, User

__all__ = ["BEFORE_LOGIN", "adopt", "purge_visitors"]

BEFORE_LOGIN = "before-login"
"""The basket that gets what fits into no other."""


@transaction.atomic
def adopt(visitor_key: str, user: User, *, request: HttpRequest | Request | None = None) -> int:
    """Give a user the baskets of the visitor with this key; return how many items are new.

    Items go into the basket of the same name, behind those there, and equal ones are not put in
    twice. What does not fit goes into `BEFORE_LOGIN`, which may pass all limits: nothing is lost.
    Done again, it finds nothing more to do; so does an empty key.
    """
    if not visitor_key:
        return 0
    # Two logins of one user at the same moment are adopted one after the other.
    User.objects.select_for_update().get(pk=user.pk)
    owner = Owner(user=user)
    baskets = Owner(visitor=visitor_digest(visitor_key)).baskets().select_for_update()
    new = 0
    left_over: list[BasketItem] = []
    for basket in baskets:
        items = list(basket.items.all())
        if _may_have(owner, basket.name):
            moved, items = _move_in(owner, hold(owner, basket.name, made=True), items)
            new += moved
        left_over += items
    if left_over:
        last_resort = hold(owner, BEFORE_LOGIN, made=True)
        new += _move_in(owner, last_resort, left_over, without_limit=True)[0]
    Basket.objects.filter(pk__in=[basket.pk for basket in baskets]).delete()
    if new:
        audit.record(Action.BASKET_ADOPTED, user, request=request, items=new)
    return new


def purge_visitors() -> int:
    """Delete the baskets that visitors have not changed for VISITOR_DAYS; return how many."""
    oldest = timezone.now() - timedelta(days=settings.VISITOR_DAYS)
    _, deleted = Basket.objects.filter(user=None, changed__lt=oldest).delete()
    return deleted.get("accounts.Basket", 0)


def _may_have(owner: Owner, name: str) -> bool:
    """Say whether there is a basket of this name, or may be."""
    others = set(owner.baskets().exclude(name=DEFAULT).values_list("name", flat=True))
    return name in others | {DEFAULT} or len(others) < owner.limits.baskets


def _move_in(
    owner: Owner, target: Basket, items: Iterable[BasketItem], *, without_limit: bool = False
) -> tuple[int, list[BasketItem]]:
    """Move the items that a basket lacks into it; return how many, and those that do not fit."""
    there = set(target.items.values_list("digest", flat=True))
    room = Room.of(owner, target)
    moved: list[BasketItem] = []
    left_over: list[BasketItem] = []
    size = 0
    for item in items:
        if item.digest in there:
            continue
        there.add(item.digest)
        if not (without_limit or room.fits(len(moved) + 1, size + len(item.data))):
            left_over.append(item)
            continue
        size += len(item.data)
        item.basket = target
        item.position = room.last + len(moved) + 1
        moved.append(item)
    if moved:
        BasketItem.objects.bulk_update(moved, ["basket", "position"])
        move(target)
    return len(moved), left_over
