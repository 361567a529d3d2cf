"""How a basket is changed: held by one writer at a time, its version moved once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import Length
from django.utils import timezone

from accounts.baskets.items import Item
from accounts.baskets.owners import Owner
from accounts.models import Basket, BasketItem
from esap.errors import AlreadyExists, ChangedMeanwhile, InvalidRequest, NotFound, TooLarge

__all__ = [
    "DEFAULT",
    "NAME_LENGTH",
    "Room",
    "checked_name",
    "hold",
    "make",
    "move",
    "must_match",
    "name_taken",
    "no_basket",
    "put",
    "tag_of",
]

DEFAULT = "default"
NAME_LENGTH = 64
# A name is one segment of a path; "." and ".." are taken out of paths by every browser.
_NAME = re.compile(rf"(?!\.\.?$)[^/\\\s](?:[^/\\]{{0,{NAME_LENGTH - 2}}}[^/\\\s])?")


def tag_of(basket: Basket) -> str:
    """Return the entity tag of a basket (RFC 9110, section 8.8.3): another after every change.

    A basket made anew under the same name has other tags. One that was never written to has "0".
    """
    return f'"{basket.pk.hex}-{basket.version}"' if basket.version else '"0"'


def must_match(basket: Basket, if_match: Sequence[str] | None) -> None:
    """Raise `ChangedMeanwhile` unless the basket is in one of these versions, or any will do."""
    if if_match is None or "*" in if_match:
        return
    # A proxy that compresses weakens tags; they name a version and no bytes, so nothing is lost.
    if tag_of(basket) not in {tag.removeprefix("W/") for tag in if_match}:
        raise ChangedMeanwhile(
            f"The basket {basket.name!r} has changed since you read it. Read it again, and make "
            "your change to what it holds now."
        )


def hold(
    owner: Owner, name: str, if_match: Sequence[str] | None = None, *, made: bool = False
) -> Basket:
    """Return a basket that nobody else can change until the transaction ends.

    The default basket is made if it is not there; another only if it shall be `made`, then without
    a look at how many there are. Raises `NotFound` or `ChangedMeanwhile`. On
    SQLite the transaction has the only write lock already (BEGIN IMMEDIATE).
    """
    rows = owner.baskets().select_for_update()
    if made or name == DEFAULT:
        basket, _ = rows.get_or_create(
            user=owner.user, visitor=owner.visitor, name=name, defaults={"version": 0}
        )
    else:
        found = rows.filter(name=name).first()
        if found is None:
            raise no_basket(name)
        basket = found
    must_match(basket, if_match)
    return basket


def make(owner: Owner, name: str) -> Basket:
    """Make a basket that has no version yet, so that `move` gives it its first."""
    taken = name_taken(checked_name(name))
    if name == DEFAULT:
        raise taken
    others = owner.baskets().exclude(name=DEFAULT).count()
    if others >= owner.limits.baskets:
        raise TooLarge(
            f"You have {others} baskets, which is all that is allowed. Delete one first.",
            size=others + 1,
            limit=owner.limits.baskets,
        )
    try:
        with transaction.atomic():
            return Basket.objects.create(
                user=owner.user, visitor=owner.visitor, name=name, version=0
            )
    except IntegrityError as error:
        raise taken from error


def move(basket: Basket, **changes: object) -> None:
    """Give a basket its next version, by one UPDATE that names the one it must have.

    `hold` lets nobody else come between; where it cannot, this raises `ChangedMeanwhile`.
    """
    changes |= {"version": basket.version + 1, "changed": timezone.now()}
    if not Basket.objects.filter(pk=basket.pk, version=basket.version).update(**changes):
        raise ChangedMeanwhile("The basket has changed while you changed it. Try again.")
    for name, value in changes.items():
        setattr(basket, name, value)


@dataclass(frozen=True, slots=True)
class Room:
    """How much a basket, and all baskets of its owner, hold; and so what still fits."""

    owner: Owner
    basket: Basket
    items: int
    bytes: int
    last: int
    """The position of the last item."""

    @classmethod
    def of(cls, owner: Owner, basket: Basket, *, emptied: bool = False) -> "Room":
        """Look what is there; the basket itself does not count if it is about to be emptied."""
        rows = BasketItem.objects.filter(basket__in=owner.baskets())
        here = Q(basket=basket)
        found = (rows.exclude(here) if emptied else rows).aggregate(
            items=Count("pk", filter=here),
            bytes=Sum(Length("data"), default=0),
            last=Max("position", filter=here, default=0),
        )
        return cls(owner, basket, **found)

    def fits(self, more: int, more_bytes: int) -> bool:
        """Say whether so many items more, of so many bytes together, may be put in."""
        limits = self.owner.limits
        return self.items + more <= limits.items and self.bytes + more_bytes <= limits.bytes

    def must_fit(self, items: Sequence[Item]) -> None:
        """Raise `TooLarge`, with the figures, unless all of these may be put in."""
        count = self.items + len(items)
        size = self.bytes + sum(len(item.data) for item in items)
        limits = self.owner.limits
        more = "" if self.owner.user else " Log in to keep more."
        if count > limits.items:
            raise TooLarge(
                f"The basket {self.basket.name!r} would have {count} items, and a basket may have "
                f"{limits.items}.{more}",
                size=count,
                limit=limits.items,
            )
        if size > limits.bytes:
            raise TooLarge(
                f"Your baskets would have {size} bytes together, and may have {limits.bytes}."
                f"{more}",
                size=size,
                limit=limits.bytes,
            )


def put(
    basket: Basket,
    items: Iterable[Item],
    *,
    after: int = 0,
    known: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[BasketItem]:
    """Put items into a basket, behind a position; `known` has what some shall keep, by digest."""
    kept = known or {}
    return BasketItem.objects.bulk_create(
        BasketItem(
            basket=basket,
            position=position,
            kind=item.kind,
            archive=item.archive,
            digest=item.digest,
            data=item.data,
            **kept.get(item.digest, {}),
        )
        for position, item in enumerate(items, start=after + 1)
    )


def checked_name(name: str) -> str:
    """Return the name; raise `InvalidRequest` if it cannot be a segment of a path."""
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise InvalidRequest(
            f"name: choose 1 to {NAME_LENGTH} printable characters without slashes, and no space "
            "at either end."
        )
    return name


def name_taken(name: str) -> AlreadyExists:
    """Return the error for a name that the owner has used; the default basket is always there."""
    return AlreadyExists(f"You have a basket {name!r} already. Choose another name.")


def no_basket(name: str) -> NotFound:
    """Return the error for a basket that is not there, or another's."""
    return NotFound(f"You have no basket {name!r}. accounts/baskets/ lists those you have.")
