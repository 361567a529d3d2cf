"""Every dataset as a cone search service of the Virtual Observatory."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from esap.api.negotiation import PlainOrPage
from esap.api.streaming import client_left, stream
from esap.errors import EsapError
from esap.tables.encoders import ENCODERS
from query.cone_search import cone_search, error_document
from query.views.running import counted

__all__ = ["ConeSearchViewSet"]

_VOTABLE = "application/x-votable+xml"


class ConeSearchViewSet(ViewSet):
    """IVOA Simple Cone Search 1.03: for pyvo, TOPCAT, Aladin."""

    permission_classes = (AllowAny,)
    content_negotiation_class = PlainOrPage
    lookup_value_regex = "[a-z0-9][a-z0-9_-]*"

    @extend_schema(
        parameters=[
            OpenApiParameter("id", str, OpenApiParameter.PATH, description="Dataset or archive."),
            OpenApiParameter("RA", float, description="Degrees, ICRS."),
            OpenApiParameter("DEC", float, description="Degrees, ICRS."),
            OpenApiParameter("SR", float, description="Radius in degrees."),
            OpenApiParameter("MAXREC", int, description="Most rows."),
        ],
        responses={
            (200, _VOTABLE): OpenApiResponse(OpenApiTypes.STR, "VOTable"),
            ("default", _VOTABLE): OpenApiResponse(OpenApiTypes.STR, "A VOTable with the error."),
        },
    )
    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Return the rows inside a cone; an error is a VOTable too, as the standard asks."""
        left = client_left(request._request)  # noqa: SLF001 - the WSGI request below DRF's
        try:
            with counted(request):
                table = cone_search(pk, request.query_params.dict(), request.user, left)
        except EsapError as error:
            return HttpResponse(error_document(error), status=error.status, content_type=_VOTABLE)
        return stream(ENCODERS["votable-td"].encode(table), content_type=_VOTABLE)
