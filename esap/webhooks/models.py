"""Where users want to be told, and what is still to be told there."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from esap.outbox import Outgoing

__all__ = ["Delivery", "Webhook"]


class Webhook(models.Model):
    """An address to which events of its owner's jobs are sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks"
    )
    url = models.CharField(max_length=2000)
    events = models.JSONField(help_text="Names of events, and phases.")
    kinds = models.JSONField(default=list, help_text="Kinds of jobs; none is all.")
    parts = models.BooleanField(default=False, help_text="Whether the parts of jobs count, too.")
    sealed_secret = models.TextField()
    created = models.DateTimeField(default=timezone.now, editable=False)
    cursor = models.BigIntegerField(help_text="The event up to which deliveries are written down.")
    failing_since = models.DateTimeField(null=True, blank=True)
    disabled = models.DateTimeField(null=True, blank=True)
    disabled_because = models.CharField(max_length=255, blank=True)

    class Meta:
        ordering = ("-created", "-id")
        indexes = [models.Index(fields=["owner", "-created", "-id"], name="webhooks_newest_first")]

    def __str__(self) -> str:
        return f"webhook {self.id} of {self.owner_id}"


class Delivery(Outgoing):
    """One event for one webhook."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.BigIntegerField(help_text="The id of the event, which may be gone with its job.")
    body = models.TextField()

    class Meta:
        ordering = ("-created", "-id")
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhooks_event_once")
        ]
        indexes = [
            models.Index(
                fields=["due"], condition=models.Q(due__isnull=False), name="webhooks_due"
            ),
            models.Index(fields=["webhook", "-created", "-id"], name="webhooks_log"),
        ]

    def __str__(self) -> str:
        return f"event {self.event} for webhook {self.webhook_id}"
