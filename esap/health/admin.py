"""The peers' health as operators see it."""

from django.contrib import admin

from esap.api.admin import ReadOnly
from esap.health.models import PeerHealth

__all__ = ["PeerHealthAdmin"]


@admin.register(PeerHealth)
class PeerHealthAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """What the last ping of each peer found."""

    list_display = ("peer", "room", "state", "latency", "checked", "breaker", "last_error_at")
    list_filter = ("state", "room", "section")
    search_fields = ("peer", "last_error")
