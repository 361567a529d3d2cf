"""The results' place in the shared router."""

from rest_framework.routers import BaseRouter

from esap.results.views import ResultViewSet

__all__ = ["register"]

_JOB = r"(?P<job_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"


def register(router: BaseRouter) -> None:
    """Add the stored tables of jobs."""
    router.register(f"jobs/{_JOB}/results", ResultViewSet, basename="job-result")
