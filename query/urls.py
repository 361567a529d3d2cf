"""The query room's place in the shared router."""

from rest_framework.routers import BaseRouter

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the query endpoints."""
