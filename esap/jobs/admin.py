"""Jobs as operators see them: to look at, to hurry and to abort, and not to change."""

from collections.abc import Sequence
from typing import Any, ClassVar

import structlog
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string

from esap.api.admin import ReadOnly
from esap.errors import NotFound, WrongPhase
from esap.jobs import services
from esap.jobs.models import Event, Job
from esap.jobs.stuck import REASONS, all_stuck, hurry, with_reasons
from esap.jobs.sweeper import sweep

__all__ = ["JobAdmin"]

logger = structlog.get_logger(__name__)


class EventInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """What happened to the job."""

    model = Event
    fields = ("time", "name", "data")
    extra = 0


class StuckFilter(admin.SimpleListFilter):
    """Jobs that do not go on as they should."""

    title = "stuck"
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Offer any reason, and each."""
        return [("any", "for any reason"), *((name, one.title) for name, one in REASONS.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job]:
        """Return the jobs that are stuck as was chosen."""
        chosen = self.value()
        if chosen in REASONS:
            return all_stuck(queryset, str(chosen))
        return all_stuck(queryset) if chosen else queryset


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """All jobs."""

    list_display = ("id", "kind", "phase", "stuck_because", "owner", "peer", "created", "ended")
    list_filter = (StuckFilter, "phase", "kind", "peer")
    list_select_related = ("owner",)
    search_fields = ("id", "run_id", "remote_id", "owner__username")
    readonly_fields = ("stuck_because",)
    inlines: ClassVar = [EventInline]
    actions = ("look_after", "abort")

    class Media:
        css: ClassVar = {"all": ["esap/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Say of each why it is stuck, if it is."""
        return with_reasons(super().get_queryset(request))

    @admin.display(description="stuck", empty_value="")
    def stuck_because(self, job: Any) -> str:
        """Return what an operator should know of a job that does not go on."""
        if not job.stuck:
            return ""
        return f"{REASONS[job.stuck].sentence} {job.waits_for}".strip()

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Let operators and admins hurry and abort."""
        return request.user.has_perm("jobs.operate_job")

    @admin.action(description="Look after them now", permissions=["operate"])
    def look_after(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Have the selected jobs looked at, and make a pass of the sweeper here and now."""
        ids = [job.pk for job in jobs]
        for job in jobs:
            hurry(job)
        done = sweep()
        logger.info("jobs hurried by an operator", by=request.user.pk, jobs=len(ids), **done.told())
        told = ", ".join(
            f"{what.replace('_', ' ')}: {count}" for what, count in done.told().items()
        )
        self.message_user(request, f"Looked after. The sweeper found {told or 'nothing to do'}.")
        if done.broker_is_away:
            self.message_user(
                request, "The broker does not answer, so no worker hears of it.", messages.WARNING
            )

    @admin.action(description="Abort", permissions=["operate"])
    def abort(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Abort the selected jobs, with their parts; their owners find it in the audit log."""
        aborted, refused = 0, []
        for job in jobs:
            try:
                _abort(job, request)
            except (WrongPhase, NotFound) as refusal:
                refused.append(refusal.detail)
            else:
                aborted += 1
        if aborted:
            self.message_user(request, f"Aborted: {aborted}.", messages.SUCCESS)
        for sentence in refused:
            self.message_user(request, sentence, messages.WARNING)


@transaction.atomic
def _abort(job: Job, request: HttpRequest) -> None:
    services.abort(job, happened=[("message", {"sentence": "An operator aborted the job."})])
    audit = import_string(settings.JOB_AUDIT)
    audit(job.owner, by=request.user, request=request, job=str(job.pk))
