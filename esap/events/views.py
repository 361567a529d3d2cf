"""Events over HTTP: streamed by the events process, pointed to by the gateway."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from esap.api.elsewhere import is_elsewhere, to_events_process
from esap.api.renderers import JSONRenderer
from esap.errors import InvalidRequest, NotFound
from esap.events.feed import Feed
from esap.events.reading import JobsOf
from esap.events.sse import event_stream, stream_of_all
from esap.jobs.models import ENDED
from esap.jobs.services import job_to_read

__all__ = [
    "AllEvents",
    "AllEventsElsewhere",
    "JobEvents",
    "JobEventsElsewhere",
    "SearchEventsElsewhere",
]

EVENT_STREAM = "text/event-stream"
feed = Feed()


class _EventStream(JSONRenderer):
    """What an EventSource accepts; only problems are rendered, and they name their own type."""

    media_type = EVENT_STREAM
    format = "sse"


class JobEvents(APIView):
    """The events of a job, in the events process.

    The view itself is not asynchronous, what it returns is: the request is decided in one thread
    shared by all, and the stream then needs none.
    """

    permission_classes = [AllowAny]
    renderer_classes = [_EventStream, JSONRenderer]

    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """Stream a job's events to whoever may see the job.

        After the last event the answer is 204, which tells an EventSource not to come back.
        """
        after = _last_event_id(request, "share") or 0
        token = request.query_params.get("share", "")
        job = job_to_read(request.user, UUID(job_id), token)
        if job.phase in ENDED and not job.events.filter(id__gt=after).exists():
            return HttpResponse(status=HTTPStatus.NO_CONTENT)
        return _streamed(event_stream(feed, job.pk, after=after))


class AllEvents(APIView):
    """The events of all jobs of the caller, in the events process."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [_EventStream, JSONRenderer]

    def get(self, request: Request) -> HttpResponseBase:
        """Stream what happens to the caller's jobs, from now on, or from where they left off."""
        after = _last_event_id(request)
        return _streamed(stream_of_all(feed, JobsOf(request.user.pk), after=after))


def _streamed(parts: AsyncIterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(parts, content_type=EVENT_STREAM)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # nginx would hold events back
    return response


_JOB_ID = OpenApiParameter("job_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
_SHARE = OpenApiParameter(
    "share", description="The token of a link that the job's owner gave you, instead of a login."
)
_PARAMETERS = [
    OpenApiParameter(
        "Last-Event-ID",
        OpenApiTypes.INT,
        OpenApiParameter.HEADER,
        description="Resume after this event; a browser sends it by itself.",
    ),
    OpenApiParameter(
        "last_event_id", OpenApiTypes.INT, description="The same, where no header can be sent."
    ),
]
_RESPONSES = {
    (200, EVENT_STREAM): OpenApiResponse(
        OpenApiTypes.STR,
        description="Events named phase, progress, result, problem, message, and those of the "
        "kind of job; the stream ends with the phase that ends the job.",
    ),
    204: OpenApiResponse(description="The job has ended and all its events were heard."),
    307: OpenApiResponse(description="The events process serves it, at Location."),
}


class JobEventsElsewhere(APIView):
    """The events of a job, in the gateway: its threads are too dear to hold streams."""

    permission_classes = [AllowAny]
    renderer_classes = [_EventStream, JSONRenderer]

    @extend_schema(
        operation_id="jobs_events", parameters=[_JOB_ID, _SHARE, *_PARAMETERS], responses=_RESPONSES
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """Stream what happens to a job, as server-sent events, from its beginning or a resume."""
        return _elsewhere(request)


class SearchEventsElsewhere(JobEventsElsewhere):
    """The events of a search: those of its job, which has the same id."""

    @extend_schema(
        operation_id="query_searches_events",
        parameters=[_JOB_ID, _SHARE, *_PARAMETERS],
        responses=_RESPONSES,
    )
    def get(self, request: Request, job_id: str) -> HttpResponseBase:
        """Stream what a search finds, as server-sent events."""
        return super().get(request, job_id)


class AllEventsElsewhere(APIView):
    """The events of all jobs of the caller, in the gateway."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [_EventStream, JSONRenderer]

    @extend_schema(
        operation_id="jobs_events_of_all",
        parameters=_PARAMETERS,
        responses={
            (200, EVENT_STREAM): OpenApiResponse(
                OpenApiTypes.STR,
                description="Events named phase, progress, result, problem and message; each has "
                '`{"job": id, "kind": ..., "parent": id or null, "data": ...}` as its data, where '
                "the inner one is what the job's own stream tells. It has no end.",
            ),
            307: _RESPONSES[307],
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Stream what happens to all your jobs, also those made later.

        From now on, or from a resume; `last_event_id=0` begins with the oldest job. What only jobs
        of one kind tell, such as rows, is heard at the job.
        """
        return _elsewhere(request)


def _elsewhere(request: Request) -> HttpResponseBase:
    """Point to the events process: the gateway's threads are too dear to hold streams."""
    if not is_elsewhere():
        raise NotFound(
            "Events are served by the events process, and this gateway was not told where it "
            "is. Ask the operator to route this path there, or to set ESAP_EVENTS_URL."
        )
    return to_events_process(request._request, request.user)  # noqa: SLF001 - DRF documents it


def _last_event_id(request: Request, *others: str) -> int | None:
    """Return the event up to which the caller has heard all; None if they do not say.

    `others` are parameters that may be there as well.
    """
    unknown = set(request.query_params) - {"last_event_id", *others}
    if unknown:
        raise InvalidRequest(f"{', '.join(sorted(unknown))}: not known here; last_event_id is.")
    text = request.headers.get("Last-Event-ID") or request.query_params.get("last_event_id")
    if not text:
        return None
    if not (text.isdecimal() and len(text) <= len(str(2**63 - 1)) - 1):
        raise InvalidRequest(f"last_event_id: {text[:40]!r} is not the id of an event.")
    return int(text)
