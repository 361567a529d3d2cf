"""What is kept of a search: its tables, and the record of what was asked and answered."""

from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from esap.jobs.models import Job
from esap.results.answers import answer_result
from esap.results.storage import NAME
from esap.results.views import result_schema
from query import services
from query.provenance import provenance
from query.storing import MERGED

__all__ = ["SearchResults"]

_WHICH = [
    OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH),
    OpenApiParameter("share", description="The token of a link that the job's owner gave you."),
]


class SearchResults(ViewSet):
    """The part of a search's address that is about what was kept of it."""

    @result_schema
    @extend_schema(operation_id="query_searches_results", parameters=_WHICH)
    @action(detail=True, url_name="results")
    def results(self, request: Request, pk: str) -> HttpResponseBase:
        """Return the stored rows of all datasets of a search, as one table."""
        return _answer(request, pk, MERGED)

    @result_schema
    @extend_schema(operation_id="query_searches_results_retrieve", parameters=_WHICH)
    @action(detail=True, url_path=f"results/(?P<name>{NAME})", url_name="result")
    def result(self, request: Request, pk: str, name: str) -> HttpResponseBase:
        """Return one stored table of a search: `merged`, or `archive.dataset`."""
        return _answer(request, pk, name)

    @extend_schema(
        parameters=_WHICH,
        responses=OpenApiResponse(OpenApiTypes.OBJECT, "A PROV-JSON document."),
        operation_id="query_searches_provenance",
    )
    @action(detail=True)
    def provenance(self, request: Request, pk: str) -> Response:
        """Return the record of what was asked and answered, as W3C PROV-JSON.

        With what was sent to each archive, when, and what came of it.
        """
        job = _search(request, pk)
        root, address = (
            request.build_absolute_uri(reverse(name, args=args).rstrip("/") + "/")
            for name, args in (("api-root", []), ("search-detail", [job.pk]))
        )
        return Response(provenance(job, root, address))


def _answer(request: Request, pk: str, name: str) -> HttpResponseBase:
    return answer_result(request, _search(request, pk).pk, name)


def _search(request: Request, pk: str) -> Job:
    return services.search_for(request.user, UUID(pk), request.query_params.get("share", ""))
