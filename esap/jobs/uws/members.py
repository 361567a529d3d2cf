"""What is below a UWS job: each of its properties at an address of its own (UWS 1.1, 2.2.1)."""

from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from esap.errors import InvalidRequest, NotFound
from esap.jobs import services
from esap.jobs.models import Job
from esap.jobs.uws import schema
from esap.jobs.uws.documents import error_document, iso, parameters_document, results_document
from esap.jobs.uws.drafts import run, set_parameters
from esap.jobs.uws.published import published_job
from esap.jobs.uws.requests import UwsView, see_other, text, wants_json, xml
from esap.jobs.uws.results import place_of
from esap.jobs.uws.wording import last, pairs_of, seconds, still_to_come

__all__ = [
    "UwsDestruction",
    "UwsError",
    "UwsExecutionDuration",
    "UwsOwner",
    "UwsParameter",
    "UwsParameters",
    "UwsPhase",
    "UwsQuote",
    "UwsResult",
    "UwsResults",
]


class UwsPhase(UwsView):
    """The phase of a job."""

    @extend_schema(operation_id="uws_jobs_phase", **schema.TEXT)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell the phase of a job, as plain text."""
        return text(self.job(job_id).phase)

    @extend_schema(operation_id="uws_jobs_set_phase", **schema.changed_by("PHASE", "RUN or ABORT"))
    def post(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Start a pending job (RUN), or end one that nobody wants any more (ABORT): 303 to it."""
        job = self.job(job_id)
        match last(self.pairs(), "phase").upper():
            case "RUN":
                job = run(job, request.user)
            case "ABORT":
                job = services.abort(job)
            case other:
                raise InvalidRequest(
                    f"PHASE: {other[:40]!r}: a job can be told to RUN or to ABORT; the other "
                    "phases it enters by itself."
                )
        return self.see_job(job)


class UwsExecutionDuration(UwsView):
    """How long a job may run."""

    @extend_schema(operation_id="uws_jobs_executionduration", **schema.TEXT)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell how many seconds a job may run; 0 is no limit."""
        return text(self.job(job_id).execution_duration)

    @extend_schema(
        operation_id="uws_jobs_set_executionduration",
        **schema.changed_by("EXECUTIONDURATION", "Seconds; 0 sets no limit."),
    )
    def post(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Set how many seconds a job may run, before it runs: 303 to it."""
        asked = seconds(last(self.pairs(), "executionduration"))
        return self.see_job(services.limit_time(self.job(job_id), asked))


class UwsDestruction(UwsView):
    """When a job goes."""

    @extend_schema(operation_id="uws_jobs_destruction", **schema.TEXT)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell when a job goes, with its results."""
        return text(iso(self.job(job_id).destruction))

    @extend_schema(
        operation_id="uws_jobs_set_destruction",
        **schema.changed_by("DESTRUCTION", "A time in UTC; the operator sets the latest."),
    )
    def post(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Set when a job goes: 303 to it, which says what was set."""
        asked = still_to_come(last(self.pairs(), "destruction"))
        return self.see_job(services.keep_until(self.job(job_id), asked))


class UwsQuote(UwsView):
    """When a job is expected to end."""

    @extend_schema(operation_id="uws_jobs_quote", **schema.TEXT)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell when a job is expected to end; nothing, if that is not known."""
        return text(iso(self.job(job_id).quote))


class UwsOwner(UwsView):
    """Whose job it is."""

    @extend_schema(operation_id="uws_jobs_owner", **schema.TEXT)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell whose job it is; nothing, if it belongs to whoever knows its id."""
        return text(self.owner_of(self.job(job_id)))


class UwsError(UwsView):
    """Why a job failed."""

    @extend_schema(operation_id="uws_jobs_error", **schema.ERROR)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Tell why a job failed, as plain text, or to TAP clients as a VOTable; 404 if it did not.

        Those are the clients that come by `uws/async`.
        """
        job = self.job(job_id)
        if job.problem is None:
            raise NotFound(f"Job {job.pk} is {job.phase}; it has no error.")
        sentence = f"{job.problem['title']}: {job.problem['detail']}"
        if self.face == "async":
            document = error_document(sentence)
            return HttpResponse(document, content_type="application/x-votable+xml")
        return text(f"{sentence}\n")


class UwsParameters(UwsView):
    """The parameters of a job."""

    @extend_schema(operation_id="uws_jobs_parameters", **schema.PARAMETERS)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """List the parameters of a job."""
        job = self.job(job_id)
        if wants_json(request):
            return Response(published_job(job, self.base)["parameters"])
        return xml(parameters_document(job))

    @extend_schema(operation_id="uws_jobs_set_parameters", **schema.SET_PARAMETERS)
    def post(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """Set some parameters of a pending job, and leave the others: 303 to it."""
        return self.see_job(set_parameters(self.job(job_id), self.pairs(), request.user))


class _PlainText(BaseParser):
    """A parameter as the whole body."""

    media_type = "text/plain"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return str(stream.read().decode(errors="replace"))


class UwsParameter(UwsView):
    """One parameter of a job."""

    parser_classes = (*UwsView.parser_classes, _PlainText)

    @extend_schema(operation_id="uws_jobs_parameter", **schema.TEXT)
    def get(self, request: Request, job_id: str, name: str, **_: Any) -> HttpResponseBase:
        """Tell one parameter of a job, as plain text."""
        pairs = pairs_of(self.job(job_id))
        if name.lower() not in {given.lower() for given, _ in pairs}:
            raise NotFound(f"Job {job_id} has no parameter {name[:80]!r}.")
        return text(last(pairs, name.lower()))

    @extend_schema(operation_id="uws_jobs_set_parameter", **schema.SET_PARAMETER)
    def post(self, request: Request, job_id: str, name: str, **_: Any) -> HttpResponseBase:
        """Set one parameter of a pending job: 303 to it."""
        return self._set(job_id, name)

    @extend_schema(operation_id="uws_jobs_put_parameter", **schema.SET_PARAMETER)
    def put(self, request: Request, job_id: str, name: str, **_: Any) -> HttpResponseBase:
        """Set one parameter of a pending job to the body: 303 to it."""
        return self._set(job_id, name)

    def _set(self, job_id: str, name: str) -> HttpResponseBase:
        value: Any = self.request.data
        if not isinstance(value, str):
            pairs: Sequence[tuple[str, str]] = self.pairs()
            names = {name.lower(), "value"}
            found = [given for own, given in pairs if own.lower() in names]
            if not found:
                raise InvalidRequest(f"{name[:80]}: send it as plain text, or in a form as VALUE.")
            value = found[-1]
        job: Job = self.job(job_id)
        return self.see_job(set_parameters(job, [(name, value)], self.request.user))


class UwsResults(UwsView):
    """The results of a job."""

    @extend_schema(operation_id="uws_jobs_results", **schema.RESULTS)
    def get(self, request: Request, job_id: str, **_: Any) -> HttpResponseBase:
        """List the results of a job, and where each is."""
        job = self.job(job_id)
        if wants_json(request):
            return Response(published_job(job, self.base)["results"])
        return xml(results_document(job, self.base))


class UwsResult(UwsView):
    """One result of a job."""

    @extend_schema(operation_id="uws_jobs_result", **schema.RESULT)
    def get(self, request: Request, job_id: str, name: str, **_: Any) -> HttpResponseBase:
        """Point to a result; a table comes in the job's RESPONSEFORMAT, a VOTable unless it says.

        `result` is the main one of each job.
        """
        place = place_of(self.job(job_id), name)
        return see_other(request.build_absolute_uri(place))
