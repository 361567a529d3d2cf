"""The query room's place in the shared router."""

from rest_framework.routers import BaseRouter

from query.views.cone_search import ConeSearchViewSet
from query.views.configuration import ConfigurationViewSet
from query.views.lists import LISTS
from query.views.lookups import SkyCoordinatesViewSet, TablesFieldsViewSet
from query.views.published_query import PublishedQueryViewSet
from query.views.searches import SearchViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the query endpoints."""
    router.register("query/searches", SearchViewSet, basename="search")
    router.register("query/cone", ConeSearchViewSet, basename="cone-search")
    router.register("query/query", PublishedQueryViewSet, basename="query")
    for listing, view in LISTS.items():
        router.register(f"query/{listing}", view, basename=listing)
    router.register("query/configuration", ConfigurationViewSet, basename="configuration")
    router.register(
        "query/get-sky-coordinates", SkyCoordinatesViewSet, basename="get-sky-coordinates"
    )
    router.register("query/get-tables-fields", TablesFieldsViewSet, basename="get-tables-fields")
