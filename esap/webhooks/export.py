"""What is kept of a user's webhooks, for the copy that the user takes."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser

from esap.api.export import rows, with_parts
from esap.webhooks.models import Delivery
from esap.webhooks.services import webhooks_of

__all__ = ["webhooks_held"]

_WEBHOOK = "id url events kinds parts created failing_since disabled disabled_because"
_DELIVERY = "webhook_id event body created due delivered attempts"


def webhooks_held(user: AbstractBaseUser) -> tuple[str, Any]:
    """Return the webhooks of a user with what was sent to them, without their secrets."""
    mine = webhooks_of(user)
    sent = Delivery.objects.filter(webhook__in=mine)
    return "webhooks", with_parts(
        rows(mine, _WEBHOOK, "id"),
        rows(sent, _DELIVERY, "webhook_id", "created", "id"),
        name="deliveries",
        whole="webhook_id",
    )
