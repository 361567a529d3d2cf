"""Menus and search forms for the graphical interface."""

from typing import Any

from django.http.response import HttpResponseBase
from django.templatetags.static import static
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from esap.backends.visibility import Standing
from esap.errors import InvalidRequest
from query import forms
from query.views.conditional import OfEntries, unless_known
from query.views.shapes import CONFIGURATION

__all__ = ["ConfigurationViewSet"]


class ConfigurationViewSet(OfEntries):
    """The menus and the search forms, by name: one form for every archive."""

    @extend_schema(
        operation_id="query_configuration",
        parameters=[OpenApiParameter("name", required=True, description="Such as `navbar`.")],
        responses={200: CONFIGURATION},
    )
    def list(self, request: Request) -> HttpResponseBase:
        """Return the configuration of the name asked for."""
        name = request.query_params.get("name", "")
        logo = request.build_absolute_uri(static("query/logo.svg"))

        def named(caller: Standing) -> dict[str, Any]:
            if not name:
                raise InvalidRequest(f"name: choose one of {', '.join(forms.names(caller))}.")
            return {"configuration": forms.configuration(name, caller, logo=logo)}

        return unless_known(request, named)
