"""Jobs as operators see them: to look at, not to touch."""

from typing import ClassVar

from django.contrib import admin

from esap.api.admin import ReadOnly
from esap.jobs.models import Event, Job

__all__ = ["JobAdmin"]


class EventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """What happened to the job."""

    model = Event
    fields = ("time", "name", "data")
    extra = 0


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All jobs."""

    list_display = ("id", "kind", "phase", "owner", "peer", "created", "ended")
    list_filter = ("phase", "kind", "peer")
    list_select_related = ("owner",)
    search_fields = ("id", "run_id", "remote_id", "owner__username")
    inlines: ClassVar = [EventInline]
