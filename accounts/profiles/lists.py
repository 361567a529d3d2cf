"""The other lists of accounts that the published front end knows, and what leads to them."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.credentials import caller_of
from accounts.private import PrivateViewSet
from accounts.profiles import services
from accounts.profiles.shapes import CartPageSerializer, NothingPageSerializer
from esap.api.pagination import published_page

__all__ = ["EMPTY_LISTS", "PAGING", "AccountsRootViewSet", "ShoppingItemViewSet"]

PAGING = [
    OpenApiParameter("page", OpenApiTypes.INT, description="Page, from 1."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="Members of a page: 50, to 500."),
]

_LINKS = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}


class AccountsRootViewSet(PrivateViewSet):
    """All lists about who you are and what you keep."""

    permission_classes = (AllowAny,)  # It has nothing but addresses.

    @extend_schema(operation_id="accounts_root", responses={200: _LINKS})
    def list(self, request: Request) -> Response:
        """List the addresses of the lists."""
        base = request.build_absolute_uri(reverse("api-root"))
        router: Any = import_string(f"{settings.ROOT_URLCONF}.router")
        return Response(
            {
                prefix.removeprefix("accounts/"): f"{base}{prefix}/"
                for prefix, view, _ in router.registry
                if prefix.startswith("accounts/") and hasattr(view, "list")
            }
        )


class ShoppingItemViewSet(PrivateViewSet):
    """The items of your basket `default`, as they are published."""

    permission_classes = (AllowAny,)  # The published list is empty then, and no 401.

    @extend_schema(
        operation_id="shopping_items_list", parameters=PAGING, responses=CartPageSerializer
    )
    def list(self, request: Request) -> Response:
        """List the items; none, if you have not logged in."""
        items = []
        if request.user.is_authenticated:
            user = caller_of(request)
            items = services.cart(user, services.default_basket(user))
        return Response(published_page(request, items))


def _empty_list(name: str, about: str) -> type[PrivateViewSet]:
    """Make the view of a published list that nobody has anything in."""

    class View(PrivateViewSet):
        permission_classes = (AllowAny,)  # Nobody has anything in it.

        @extend_schema(
            operation_id=f"{name.replace('-', '_')}_list",
            description=about,
            parameters=PAGING,
            responses=NothingPageSerializer,
        )
        def list(self, request: Request) -> Response:
            return Response(published_page(request, []))

    View.__doc__ = about
    View.__name__ = View.__qualname__ = name.title().replace("-", "") + "ViewSet"
    return View


EMPTY_LISTS = {
    "query-schemas": _empty_list(
        "query-schemas",
        "Query schemas of users: none, for forms are made of the archives' entries.",
    ),
    "compute-resources": _empty_list(
        "compute-resources", "Compute resources of users: none, for those of all are entries."
    ),
    "software-repositories": _empty_list(
        "software-repositories", "Software of users: none, for workflows are entries."
    ),
}
"""Lists that the published front end does not ask for, by the last part of their path."""
