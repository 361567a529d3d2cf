"""The jobs' place in the shared router."""

from rest_framework.routers import BaseRouter

from esap.jobs.views import JobViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the list of jobs and the jobs."""
    router.register("jobs", JobViewSet, basename="job")
