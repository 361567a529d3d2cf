"""The JSON face of jobs."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from esap.api.bodies import members_of
from esap.api.elsewhere import is_elsewhere, to_events_process
from esap.api.pagination import keyset_filters, keyset_page, keyset_response
from esap.api.preferences import preferences
from esap.errors import InvalidRequest, WrongPhase
from esap.jobs import services
from esap.jobs.asking import request_again, request_job
from esap.jobs.creating import CREATING, MakesJobs, mark_of, what_is_left
from esap.jobs.kinds import Part
from esap.jobs.listing import chosen
from esap.jobs.models import ENDED, Job
from esap.jobs.serializers import (
    ChangeSerializer,
    JobPageSerializer,
    JobQuerySerializer,
    JobSerializer,
    NewJobSerializer,
    ResultListSerializer,
    ShareSerializer,
    UsageListSerializer,
    shown,
)
from esap.jobs.waiting import HELD, WAITING, WAITS_IN, asked_wait

__all__ = ["JobViewSet"]

_SHARE = OpenApiParameter(
    "share", description="The token of a link that the job's owner gave you, instead of a login."
)


class JobViewSet(ViewSet):
    """All work that outlives a request, of every room, in one list."""

    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    lookup_url_kwarg = "job_id"
    permission_classes = [AllowAny]

    def get_permissions(self) -> Sequence[BasePermission]:
        """Ask for a login for lists and new work; a single job is a matter of `job_for`."""
        if self.action == "create":
            return [MakesJobs()]
        return [IsAuthenticated()] if self.action in {"list", "usage"} else [AllowAny()]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Let the browsable page offer a form."""
        shape = NewJobSerializer if self.action in {"list", "create"} else ChangeSerializer
        return shape(*args, **kwargs)

    @extend_schema(
        operation_id="jobs_list", parameters=[JobQuerySerializer], responses=JobPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List your own jobs, the newest first.

        The parts of a job stand in the list of `parent` only, unless `parts` is true.
        """
        asked = keyset_filters(request, JobQuerySerializer)
        jobs, following = keyset_page(
            request, chosen(services.jobs_of(request.user), asked), key="created"
        )
        return keyset_response(shown(jobs, request), following)

    @extend_schema(
        operation_id="jobs_create",
        parameters=CREATING,
        request=NewJobSerializer,
        responses={202: JobSerializer},
    )
    def create(self, request: Request) -> Response:
        """Have a job of any kind carried out: 202 at once, and Location says where it is."""
        asked = _asked(request, NewJobSerializer)
        part = Part(
            kind=asked.pop("kind"),
            parameters=asked.pop("parameters", {}),
            peer=asked.pop("peer", ""),
            run_id=asked.pop("run_id", ""),
        )
        mark = mark_of(request, request.data)
        return _accepted(request, request_job(part, request.user, mark=mark, **asked))

    @extend_schema(
        operation_id="jobs_retrieve",
        parameters=[_SHARE, *WAITING],
        responses={200: JobSerializer, 307: HELD},
    )
    def retrieve(self, request: Request, job_id: str) -> HttpResponseBase:
        """Tell how a job stands; with `wait`, where that is held, once its phase has changed."""
        wait = asked_wait(request.query_params)
        token = request.query_params.get("share", "")
        job = services.job_to_read(request.user, UUID(job_id), token)
        if wait and wait.holds(job.phase, WAITS_IN) and is_elsewhere():
            return to_events_process(request._request, request.user)  # noqa: SLF001 - DRF documents it
        return Response(shown([job], request, share=token)[0])

    @extend_schema(operation_id="jobs_change", request=ChangeSerializer, responses=JobSerializer)
    def partial_update(self, request: Request, job_id: str) -> Response:
        """Name a job, say how long it may run, or when it is to go; all of it or nothing."""
        job = _own(request, job_id)
        job = services.adjust(job, **_asked(request, ChangeSerializer))
        return _answer(request, job)

    @extend_schema(operation_id="jobs_delete", responses={204: None})
    def destroy(self, request: Request, job_id: str) -> Response:
        """Remove a job that has ended, with its parts and results.

        One that has not ended answers 409: cancel it first, so that nothing is lost by mistake.
        """
        job = _own(request, job_id)
        if job.phase not in ENDED:
            raise WrongPhase(
                f"Job {job.pk} is {job.phase}. Cancel it first (POST {request.path.rstrip('/')}"
                "/cancel); then it can be deleted, with its results."
            )
        services.discard(job)
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(operation_id="jobs_cancel", request=None, responses=JobSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, job_id: str) -> Response:
        """Abort a job that has not ended, and its parts; all of it is kept, as ABORTED.

        A job that has ended answers 409.
        """
        return _answer(request, services.abort(_own(request, job_id)))

    @extend_schema(operation_id="jobs_retry", request=None, responses={202: JobSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, job_id: str) -> Response:
        """Run again what failed or was aborted, and only that.

        What is already there is kept. A job of which nothing failed answers 409.
        """
        return _accepted(request, request_again(_own(request, job_id), request.user))

    @extend_schema(
        operation_id="jobs_results_list", parameters=[_SHARE], responses=ResultListSerializer
    )
    @action(detail=True)
    def results(self, request: Request, job_id: str) -> Response:
        """List what a job made, and where it is."""
        token = request.query_params.get("share", "")
        job = services.job_to_read(request.user, UUID(job_id), token)
        (told,) = shown([job], request, share=token)
        return Response({"results": told["results"], "next": None})

    @extend_schema(operation_id="jobs_share", request=None, responses={201: ShareSerializer})
    @action(detail=True, methods=["post"])
    def share(self, request: Request, job_id: str) -> Response:
        """Make a link by which others may read a job, its parts and its results.

        Its token is told this once. A link made before ends.
        """
        job = _own(request, job_id)
        token = services.share(job)
        url = f"{request.build_absolute_uri(_address(job))}?share={quote(token)}"
        return Response({"token": token, "url": url}, status=HTTPStatus.CREATED)

    @extend_schema(operation_id="jobs_unshare", responses={204: None})
    @share.mapping.delete
    def unshare(self, request: Request, job_id: str) -> Response:
        """End the link by which others may read a job."""
        services.unshare(_own(request, job_id))
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(operation_id="jobs_usage", responses=UsageListSerializer)
    @action(detail=False)
    def usage(self, request: Request) -> Response:
        """Tell how many jobs you have under way, and how many you may have."""
        used = [
            {"what": used.what, "running": used.running, "limit": used.limit, "left": used.left}
            for used in services.usage(request.user)
        ]
        return Response({"results": used, "next": None})


def _own(request: Request, job_id: str) -> Job:
    return services.job_for(request.user, UUID(job_id))


def _address(job: Job) -> str:
    return reverse("job-detail", args=[job.pk]).rstrip("/")


def _answer(request: Request, job: Job, **kwargs: Any) -> Response:
    return Response(shown([job], request)[0], **kwargs)


def _accepted(request: Request, job: Job) -> Response:
    """Answer that a job waits for its turn; to wait for its end is for the events process."""
    headers = {"Location": _address(job), **what_is_left(request, job.kind)}
    if "respond-async" in preferences(request):
        headers["Preference-Applied"] = "respond-async"
    return _answer(request, job, status=HTTPStatus.ACCEPTED, headers=headers)


def _asked(request: Request, shape: type[ChangeSerializer]) -> dict[str, Any]:
    asked = members_of(request, shape)
    if asked.get("destruction") and asked["destruction"] <= timezone.now():
        raise InvalidRequest("destruction: name a time that is still to come, or delete the job.")
    return asked
