"""Jobs as operators see them: to look at, not to touch."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from esap.jobs.models import Event, Job

__all__ = ["JobAdmin"]


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class EventInline(_ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """What happened to the job."""

    model = Event
    fields = ("time", "name", "data")
    extra = 0


@admin.register(Job)
class JobAdmin(_ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All jobs."""

    list_display = ("id", "kind", "phase", "owner", "peer", "created", "ended")
    list_filter = ("phase", "kind", "peer")
    list_select_related = ("owner",)
    search_fields = ("id", "run_id", "remote_id", "owner__username")
    inlines: ClassVar = [EventInline]
