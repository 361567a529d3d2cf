"""Baskets: collections of data items, of a user or of a visitor who has not logged in yet."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["Basket", "BasketItem"]


class Basket(models.Model):
    """A named collection. `version` grows with every change and is its ETag.

    It belongs to a user, or to whoever's session holds the random text whose digest is `visitor`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="baskets",
    )
    visitor = models.CharField(max_length=64, blank=True, db_index=True, editable=False)
    name = models.CharField(max_length=64)
    version = models.PositiveBigIntegerField(default=1)
    created = models.DateTimeField(default=timezone.now, editable=False)
    changed = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(user__isnull=False),
                name="accounts_basket_name_of_user",
            ),
            models.UniqueConstraint(
                fields=["visitor", "name"],
                condition=~models.Q(visitor=""),
                name="accounts_basket_name_of_visitor",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class BasketItem(models.Model):
    """One item, kept as it was sent.

    `data` is JSON text and not a JSON column: PostgreSQL's reorders keys, and an item is found
    again by the front end only if it comes back as it went in.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16)
    archive = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, help_text="Equal for equal items.")
    data = models.TextField()
    created = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ("position",)
        indexes = [
            models.Index(fields=["basket", "position"], name="accounts_item_in_order"),
            models.Index(fields=["basket", "digest"], name="accounts_item_by_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
