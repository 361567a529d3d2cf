"""Archives, datasets, catalogs and parameter mappings, as the published gateway lists them."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from esap.api.pagination import published_page
from esap.backends.visibility import Standing
from query import published
from query.views.conditional import OfEntries, unless_known
from query.views.shapes import SHAPES, page_of

__all__ = ["LISTS", "PAGING"]

PAGING = [
    OpenApiParameter("page", OpenApiTypes.INT, description="Page, from 1."),
    OpenApiParameter("page_size", OpenApiTypes.INT, description="Members of a page: 50, to 500."),
]


class _PublishedList(OfEntries):
    """A read-only list made of the entries; anyone may see what is there for them."""

    listing: ClassVar[str]

    def list(self, request: Request) -> HttpResponseBase:
        """Return one page of the list, filtered and ordered as asked."""

        def page(caller: Standing) -> dict[str, Any]:
            everything = published.items(self.listing, _base(request), caller)
            return published_page(
                request, published.select(everything, request.query_params.dict())
            )

        return unless_known(request, page)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Return one member by its integer id, or by its uri."""
        base = _base(request)
        return unless_known(request, lambda caller: published.find(self.listing, base, pk, caller))


def _base(request: Request) -> str:
    return request.build_absolute_uri(reverse("api-root") + "query/")


def _published_list(listing: str, about: str, filters: Iterable[str]) -> type[_PublishedList]:
    """Make the view of one list."""
    shape = SHAPES[listing]
    tests = [name + suffix for name in filters for suffix in ("", "__in", "__icontains")]

    class View(_PublishedList):
        @extend_schema(
            description=about,
            parameters=[
                *PAGING,
                OpenApiParameter("ordering", description="Field to order by; `-` before it turns."),
                *(OpenApiParameter(name) for name in tests),
            ],
            responses={200: page_of(shape)},
        )
        def list(self, request: Request) -> HttpResponseBase:
            return super().list(request)

        @extend_schema(
            parameters=[OpenApiParameter("id", OpenApiTypes.STR, OpenApiParameter.PATH)],
            responses={200: shape},
        )
        def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
            return super().retrieve(request, pk)

    View.listing = listing
    View.__doc__ = about
    View.__name__ = View.__qualname__ = listing.title().replace("-", "") + "ViewSet"
    return View


LISTS = {
    "archives": _published_list(
        "archives",
        "All archives, also those that are not shown, with links to their datasets.",
        ("uri", "name", "long_description", "institute"),
    ),
    "archives-uri": _published_list(
        "archives-uri",
        "The archives that can be searched, with the uris of their datasets.",
        ("uri", "name", "long_description", "institute"),
    ),
    "datasets": _published_list(
        "datasets",
        "All datasets, with links to their archives and catalogs.",
        ("uri", "name", "level", "category", "collection", "dataset_archive__uri"),
    ),
    "datasets-uri": _published_list(
        "datasets-uri",
        "All datasets, with the names and addresses of their archives.",
        ("uri", "name", "level", "category", "collection", "dataset_archive__uri"),
    ),
    "catalogs": _published_list(
        "catalogs",
        "The services behind the archives: where they are, and which mapping they use.",
        ("uri", "name", "url"),
    ),
    "parameter-mapping": _published_list(
        "parameter-mapping",
        "What ESAP's parameter names mean in each kind of table.",
        ("uri", "parameters"),
    ),
}
"""The view of each list, by the last part of its path."""
