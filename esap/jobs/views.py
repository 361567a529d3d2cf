"""The JSON face of jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from esap.api.pagination import keyset_filters, keyset_page, keyset_response
from esap.jobs import services
from esap.jobs.models import Job
from esap.jobs.serializers import JobPageSerializer, JobQuerySerializer, JobSerializer

__all__ = ["JobViewSet"]


class JobViewSet(ViewSet):
    """All work that outlives a request, of every room, in one list."""

    permission_classes = [AllowAny]
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    lookup_url_kwarg = "job_id"

    def get_permissions(self) -> Sequence[BasePermission]:
        """Ask for a login to list; a single job is shown to whoever may see it (`job_for`)."""
        return [IsAuthenticated()] if self.action == "list" else [AllowAny()]

    @extend_schema(
        operation_id="jobs_list", parameters=[JobQuerySerializer], responses=JobPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List your own jobs, the newest first."""
        filters = keyset_filters(request, JobQuerySerializer)
        jobs, following = keyset_page(
            request, services.jobs_of(request.user).filter(**filters), key="created"
        )
        return keyset_response([_shown(job, request) for job in jobs], following)

    @extend_schema(operation_id="jobs_retrieve", responses=JobSerializer)
    def retrieve(self, request: Request, job_id: str) -> Response:
        """Tell how a job stands."""
        job = services.job_for(request.user, UUID(job_id))
        return Response(_shown(job, request))

    @extend_schema(operation_id="jobs_abort", responses=JobSerializer)
    def destroy(self, request: Request, job_id: str) -> Response:
        """Abort a job that has not ended. It stays in the list as ABORTED.

        A job that has ended answers 409.
        """
        job = services.abort(services.job_for(request.user, UUID(job_id)))
        return Response(_shown(job, request))


def _shown(job: Job, request: Request) -> dict[str, Any]:
    return JobSerializer(job, context={"request": request}).data
