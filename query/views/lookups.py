"""Look-ups at one peer: a failure of that peer is the answer's own status."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from esap.api.pagination import published_page
from query import lookups
from query.views.lists import PAGING
from query.views.running import counted
from query.views.shapes import PLACE, TABLES

__all__ = ["SkyCoordinatesViewSet", "TablesFieldsViewSet"]


class SkyCoordinatesViewSet(ViewSet):
    """Where a named object is on the sky, and which service said so."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="query_get_sky_coordinates",
        parameters=[OpenApiParameter("target_name", required=True, description="Such as `M31`.")],
        responses={200: PLACE},
    )
    def list(self, request: Request) -> Response:
        """Return a named object's position in ICRS degrees."""
        with counted(request):
            name = request.query_params.get("target_name", "")
            return Response(lookups.sky_coordinates(name, request.user))


class TablesFieldsViewSet(ViewSet):
    """The tables of one archive, each with its columns."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="query_get_tables_fields",
        parameters=[
            *PAGING,
            OpenApiParameter("dataset_uri", description="A dataset of the archive."),
            OpenApiParameter("access_url", description="The archive's own address."),
        ],
        responses={200: TABLES},
    )
    def list(self, request: Request) -> Response:
        """Return one page of the tables of an archive."""
        with counted(request):
            tables = lookups.tables_and_fields(
                dataset_uri=request.query_params.get("dataset_uri", ""),
                access_url=request.query_params.get("access_url", ""),
                caller=request.user,
            )
        return Response(published_page(request, tables))
