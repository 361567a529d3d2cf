"""Whose a basket is, and how much its owner may keep."""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Basket, User

__all__ = ["PLACE_LENGTH", "Limits", "Owner", "visitor_digest"]

PLACE_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one owner may keep."""

    items: int
    """In one basket."""
    item_bytes: int
    baskets: int
    """Besides the default one."""
    bytes: int
    """In all baskets together."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A user, or the visitor whose key has this digest; never both, never neither."""

    user: User | None = None
    visitor: str = ""

    def __post_init__(self) -> None:
        if (self.user is None) == (not self.visitor):
            raise ValueError("A basket belongs to a user, or to a visitor.")

    def baskets(self) -> QuerySet[Basket]:
        """Return the baskets of this owner, and of nobody else."""
        return Basket.objects.filter(user=self.user, visitor=self.visitor)

    @property
    def limits(self) -> Limits:
        """How much this owner may keep; visitors less, because anybody may be one."""
        if self.user is None:
            return Limits(
                items=settings.VISITOR_BASKET_ITEMS,
                item_bytes=settings.BASKET_ITEM_BYTES,
                baskets=settings.VISITOR_BASKETS,
                bytes=settings.VISITOR_BASKET_BYTES,
            )
        return Limits(
            items=settings.BASKET_ITEMS,
            item_bytes=settings.BASKET_ITEM_BYTES,
            baskets=settings.BASKETS,
            bytes=settings.BASKET_BYTES,
        )


def visitor_digest(key: str) -> str:
    """Return what is stored of a visitor's key, `place.secret`: the key cannot be told from it.

    The place stays readable, so that the visitors of one place can be counted.
    """
    place, _, secret = key.partition(".")
    return place[:PLACE_LENGTH] + hashlib.sha256(secret.encode()).hexdigest()[PLACE_LENGTH:]
