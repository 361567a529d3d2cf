"""The job list of UWS, and a job in it."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from esap.api.elsewhere import is_elsewhere, to_events_process
from esap.api.pagination import page_number, published_page
from esap.errors import InvalidRequest
from esap.jobs.creating import MakesJobs, mark_of, what_is_left
from esap.jobs.models import Job, Phase
from esap.jobs.services import discard, jobs_of
from esap.jobs.uws import schema
from esap.jobs.uws.documents import list_document
from esap.jobs.uws.drafts import draft
from esap.jobs.uws.published import published_job
from esap.jobs.uws.requests import UwsView, see_other, wants_json, xml
from esap.jobs.uws.wording import asked_in, last, moment
from esap.jobs.waiting import UWS_WAITS_IN, asked_wait

__all__ = ["UwsJob", "UwsJobs"]

MOST_LISTED = 10_000


class UwsJobs(ViewSetMixin, UwsView):
    """The job list of IVOA UWS 1.1; jobs of TAP clients come by `uws/async`, its other name.

    XML, or JSON in the published shape for those who accept it.
    """

    def get_permissions(self) -> Sequence[BasePermission]:
        """Ask for a login to create; the list shows to others what they may see, which is none."""
        return [MakesJobs()] if self.action == "create" else [AllowAny()]

    @extend_schema(operation_id="uws_jobs_list", **schema.JOBS)
    def list(self, request: Request, **_: Any) -> HttpResponseBase:
        """List your own jobs, the newest first."""
        pairs = _query(request)
        jobs = _filtered(jobs_of(request.user).filter(parent__isnull=True), pairs)
        count = last(pairs, "last")
        most = min(_number(count, "LAST"), MOST_LISTED) if count else MOST_LISTED
        if wants_json(request):
            return Response(self._page(request, jobs[:most] if count else jobs))
        listed = jobs.only("phase", "run_id", "created")[:most]
        return xml(list_document(listed, self.base, request.user.get_username()))

    @extend_schema(operation_id="uws_jobs_create", **schema.CREATE)
    def create(self, request: Request, **_: Any) -> HttpResponseBase:
        """Create a job, PENDING unless PHASE=RUN is given, too: 303 to where it is."""
        pairs = self.pairs()
        asked = asked_in(pairs)
        job = draft(asked, request.user, mark=mark_of(request, pairs))
        return self.see_job(job, **what_is_left(request, job.kind))

    def _page(self, request: Request, jobs: QuerySet[Job]) -> dict[str, Any]:
        page, size = page_number(request)
        found = jobs[(page - 1) * size : page * size]
        shown = [published_job(job, self.base) for job in found]
        return published_page(request, shown, count=jobs.count())


class UwsJob(UwsView):
    """A job of IVOA UWS 1.1."""

    @extend_schema(operation_id="uws_jobs_retrieve", **schema.JOB)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Describe a job; with WAIT, where that can be held, once its phase has changed."""
        wait = asked_wait(request.query_params)
        job = self.job(job_id)
        if wait and wait.holds(job.phase, UWS_WAITS_IN) and is_elsewhere():
            return to_events_process(request._request, request.user)  # noqa: SLF001 - DRF documents it
        return self.described(job)

    @extend_schema(operation_id="uws_jobs_act", **schema.ACT)
    def post(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Remove a job, by ACTION=DELETE, as DELETE does."""
        action = last(self.pairs(), "action").upper()
        if action != "DELETE":
            raise InvalidRequest("ACTION: a job can only be told to DELETE here; see its phase.")
        return self._remove(job_id)

    @extend_schema(operation_id="uws_jobs_delete", **schema.DELETE)
    def delete(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Remove a job with its results, and stop it first if it runs: 303 to the list."""
        return self._remove(job_id)

    def _remove(self, job_id: str) -> HttpResponseBase:
        discard(self.job(job_id))
        return see_other(self.base)


def _query(request: Request) -> list[tuple[str, str]]:
    return [(name, text) for name, texts in request.query_params.lists() for text in texts]


def _filtered(jobs: QuerySet[Job], pairs: Sequence[tuple[str, str]]) -> QuerySet[Job]:
    """Return the jobs in one of the phases asked for, and made after a time (section 2.2.2.1).

    Archived ones are listed only if that phase is asked for.
    """
    phases = {text.strip().upper() for name, text in pairs if name.lower() == "phase"} - {""}
    unknown = sorted(phases - set(Phase.values))
    if unknown:
        raise InvalidRequest(f"PHASE: {unknown[0][:40]!r} is not one of {', '.join(Phase.values)}.")
    found = jobs.filter(phase__in=phases) if phases else jobs.exclude(phase=Phase.ARCHIVED)
    after = last(pairs, "after")
    return found.filter(created__gt=moment(after, "AFTER")) if after else found


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(2**31))):
        raise InvalidRequest(f"{name}: {text[:40]!r} is not a whole number.")
    return int(text)
