"""The job list of UWS, and a job in it."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from esap.api.pagination import page_number, published_page
from esap.errors import InvalidRequest
from esap.jobs.creating import mark_of, what_is_left
from esap.jobs.models import Job, Phase
from esap.jobs.services import discard, jobs_of
from esap.jobs.uws import schema
from esap.jobs.uws.documents import list_document
from esap.jobs.uws.drafts import draft
from esap.jobs.uws.published import published_job
from esap.jobs.uws.requests import UwsView, can_wait_elsewhere, see_other, wants_json, xml
from esap.jobs.uws.wording import asked_in, last, moment

__all__ = ["UwsJob", "UwsJobs"]

MOST_LISTED = 10_000
_ACTIVE = (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING)


class UwsJobs(ViewSetMixin, UwsView):
    """The job list of IVOA UWS 1.1; jobs of TAP clients come by `uws/async`, its other name.

    XML, or JSON in the published shape for those who accept it.
    """

    def get_permissions(self) -> Sequence[BasePermission]:
        """Ask for a login to create; the list shows to others what they may see, which is none."""
        return [IsAuthenticated()] if self.action == "create" else [AllowAny()]

    @extend_schema(operation_id="uws_jobs_list", **schema.JOBS)
    def list(self, request: Request, **_: Any) -> HttpResponseBase:
        """List your own jobs, the newest first."""
        pairs = _query(request)
        jobs = _filtered(jobs_of(request.user).filter(parent__isnull=True), pairs)
        count = last(pairs, "last")
        most = _number(count, "LAST") if count else None
        if wants_json(request):
            return Response(self._page(request, jobs[:most]))
        listed = jobs[: min(most or MOST_LISTED, MOST_LISTED)]
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
        pairs = _query(request)
        job = self.job(job_id)
        if wait := last(pairs, "wait"):
            _number(wait.removeprefix("-"), "WAIT")
            known = last(pairs, "phase").upper()
            holds = job.phase in _ACTIVE and known in {"", job.phase} and wait != "0"
            if holds and can_wait_elsewhere(request, job):
                url = settings.EVENTS_URL + request.get_full_path()
                return HttpResponseRedirect(url, preserve_request=True)
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
