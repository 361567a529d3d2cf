"""The published query endpoint."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from esap.api.pagination import published_page
from query.published_query import answer
from query.views.running import counted

__all__ = ["PublishedQueryViewSet"]

_PARAMETERS = {
    "archive_uri": "Part of an archive's uri.",
    "dataset_uri": "Part of a dataset's uri.",
    "target": "Name of an object.",
    "ra": "Right ascension in degrees.",
    "dec": "Declination in degrees.",
    "fov": "Radius in degrees.",
    "collection": "Part of a collection's name.",
    "level": "Processing level.",
    "category": "Category.",
    "adql_query": "ADQL for the first dataset selected.",
    "page": "Page, from 1.",
    "page_size": "Rows of a page, at most 500.",
    "pagination": "`false` gives all rows.",
}


class PublishedQueryViewSet(ViewSet):
    """Search as the published gateway does; `query/searches` is the richer way."""

    permission_classes = (AllowAny,)

    @extend_schema(
        parameters=[
            OpenApiParameter(name, description=about) for name, about in _PARAMETERS.items()
        ],
        responses=OpenApiTypes.OBJECT,
        operation_id="query_query",
    )
    def list(self, request: Request) -> Response:
        """Return one page of the rows of all datasets selected, and a `problems` list."""
        # A key may repeat, and then the first counts (contract, 1.1).
        parameters = {key: values[0] for key, values in request.query_params.lists()}
        with counted(request):
            found = answer(parameters, request.user)
        if parameters.get("pagination") == "false":
            page = published_page(request, found.rows, count=len(found.rows))
        else:
            page = published_page(request, found.rows)
        return Response({**page, "problems": found.problems})
