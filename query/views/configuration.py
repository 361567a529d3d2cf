"""Menus and search forms for the graphical interface."""

from django.http.response import HttpResponseBase
from django.templatetags.static import static
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from esap.errors import InvalidRequest
from query import forms
from query.views.conditional import unless_known
from query.views.shapes import CONFIGURATION

__all__ = ["ConfigurationViewSet"]


class ConfigurationViewSet(ViewSet):
    """The menus and the search forms, by name: one form for every archive."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="query_configuration",
        parameters=[OpenApiParameter("name", required=True, description="Such as `navbar`.")],
        responses={200: CONFIGURATION},
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Return the configuration of the name asked for."""
        name = request.query_params.get("name", "")
        if not name:
            raise InvalidRequest(f"name: choose one of {', '.join(forms.names())}.")
        logo = request.build_absolute_uri(static("query/logo.svg"))
        return unless_known(
            request, lambda: {"configuration": forms.configuration(name, logo=logo)}
        )
