"""This room's place in the shared router."""

from rest_framework.routers import BaseRouter

from rucio_app.views.lakes import LakeViewSet
from rucio_app.views.stagings import StagingViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the room's endpoints."""
    router.register("rucio/lakes", LakeViewSet, basename="lake")
    router.register("rucio/stagings", StagingViewSet, basename="staging")
