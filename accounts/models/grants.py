"""What OAuth servers gave us for a user: the login itself, and connections to peers.

Tokens are in here sealed (`esap.vault`). Only `accounts.tokens` opens them.
"""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["Grant", "PeerToken"]


class Grant(models.Model):
    """One login at a provider, or one connection to a peer: a refresh token and its tokens.

    All tokens of a refresh token are one family (RFC 9700, section 4.14.2): a refresh token used
    twice ends them all. So whoever refreshes holds the row's lease, for a few seconds.
    """

    class Kind(models.TextChoices):
        """How the grant came about."""

        LOGIN = "login"
        CONNECTION = "connection"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="grants"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    server = models.CharField(max_length=64, help_text="The id of the entry.")
    subject = models.CharField(
        max_length=255, blank=True, help_text="Who the user is at that server, as far as it says."
    )
    sid = models.CharField(
        max_length=255, blank=True, help_text="The session at the provider, as it names it."
    )
    session_key = models.CharField(
        max_length=40, blank=True, db_index=True, help_text="Our own session that it belongs to."
    )
    scope = models.TextField(blank=True)
    id_token = models.TextField(blank=True, help_text="Sealed; a hint for the logout.")
    refresh_token = models.TextField(blank=True, help_text="Sealed.")
    created = models.DateTimeField(default=timezone.now)
    refreshed = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True, help_text="Of whoever refreshes just now.")
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created",)
        indexes = [models.Index(fields=["user", "kind", "server"], name="accounts_grant_of_user")]

    def __str__(self) -> str:
        return f"{self.kind} at {self.server} of user {self.user_id}"


class PeerToken(models.Model):
    """An access token that is kept until it expires, for one audience and one set of scopes."""

    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="tokens")
    audience = models.CharField(max_length=255, blank=True)
    scope = models.CharField(max_length=500, blank=True, help_text="Sorted, with spaces between.")
    token = models.TextField(help_text="Sealed.")
    expires = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["grant", "audience", "scope"], name="accounts_peertoken_one_each"
            )
        ]

    def __str__(self) -> str:
        return f"token for {self.audience or 'the gateway'} until {self.expires:%Y-%m-%d %H:%M}"
