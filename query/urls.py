"""The query room's place in the shared router."""

from rest_framework.routers import BaseRouter

from query.views.published_query import PublishedQueryViewSet
from query.views.searches import SearchViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the query endpoints."""
    router.register("query/searches", SearchViewSet, basename="search")
    router.register("query/query", PublishedQueryViewSet, basename="query")
