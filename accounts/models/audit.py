"""The audit log: what was done in a user's name. Rows are added and, when old, dropped."""

from django.conf import settings
from django.db import models
from django.utils import timezone

__all__ = ["AuditEvent"]


class AuditEvent(models.Model):
    """One login, use of a token, change of permissions, or the like. It never holds a secret.

    It outlives the account: then `user` is empty, and `username` tells nobody's name any more.
    """

    id = models.BigAutoField(primary_key=True)
    time = models.DateTimeField(default=timezone.now, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="audit_events",
    )
    username = models.CharField(max_length=150, blank=True)
    action = models.CharField(max_length=64)
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-time", "-id")
        indexes = [models.Index(fields=["user", "-time", "-id"], name="accounts_audit_of_user")]

    def __str__(self) -> str:
        return f"{self.action} by {self.username or 'nobody'}"
