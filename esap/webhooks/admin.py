"""Webhooks as operators see them: to look at, and to remove."""

from django.contrib import admin
from django.http import HttpRequest

from esap.webhooks.models import Webhook

__all__ = ["WebhookAdmin"]


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """All webhooks, without their secrets."""

    list_display = ("id", "owner", "url", "failing_since", "disabled")
    list_filter = (("disabled", admin.EmptyFieldListFilter),)
    list_select_related = ("owner",)
    search_fields = ("id", "url", "owner__username")
    exclude = ("sealed_secret",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes one for somebody else."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Webhook | None = None) -> bool:
        """Nobody changes where somebody else is told."""
        return False
