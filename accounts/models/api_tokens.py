"""Personal API tokens: for scripts of a user, made and ended by the user."""

import uuid
from typing import Literal

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["ApiToken"]


class ApiToken(models.Model):
    """A token that a user made. It is shown once; what is kept is its SHA-256.

    A plain hash is enough, because the token is 256 random bits and not a password.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False)
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, blank=True, editable=False)
    revoked = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created", "-id")

    def __str__(self) -> str:
        return f"{self.name} of user {self.user_id}"

    @property
    def state(self) -> Literal["live", "expired", "revoked"]:
        """Whether it opens anything; a revoked one stays so."""
        if self.revoked is not None:
            return "revoked"
        return "live" if self.expires > timezone.now() else "expired"
