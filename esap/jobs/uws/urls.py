"""The addresses of UWS."""

from typing import Any

from django.urls import URLPattern, re_path
from rest_framework.routers import BaseRouter

from esap.jobs.uws.members import (
    UwsDestruction,
    UwsError,
    UwsExecutionDuration,
    UwsOwner,
    UwsParameter,
    UwsParameters,
    UwsPhase,
    UwsQuote,
    UwsResult,
    UwsResults,
)
from esap.jobs.uws.requests import UwsView
from esap.jobs.uws.views import UwsJob, UwsJobs

__all__ = ["register", "urlpatterns"]

_JOB = "(?P<job_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_BELOW: dict[str, type[UwsView]] = {
    "phase": UwsPhase,
    "executionduration": UwsExecutionDuration,
    "destruction": UwsDestruction,
    "quote": UwsQuote,
    "owner": UwsOwner,
    "error": UwsError,
    "parameters": UwsParameters,
    "parameters/(?P<name>[^/]+)": UwsParameter,
    "results": UwsResults,
    "results/(?P<name>[^/]+)": UwsResult,
}


_LIST: dict[str, Any] = {"get": "list", "post": "create"}


def _below(face: str, **initial: Any) -> list[URLPattern]:
    """Return the addresses of jobs in the list of this name."""
    said = {"face": face}
    return [
        re_path(rf"^uws/{face}/{_JOB}/?$", UwsJob.as_view(**initial), said),
        *(
            re_path(rf"^uws/{face}/{_JOB}/{below}/?$", view.as_view(**initial), said)
            for below, view in _BELOW.items()
        ),
    ]


def register(router: BaseRouter) -> None:
    """Add the job list, as uws/jobs."""
    router.register("uws/jobs", UwsJobs, basename="uws-jobs")


urlpatterns = [
    *_below("jobs"),
    # TAP clients put /async behind the address that they are given: the same, described once.
    re_path(r"^uws/async/?$", UwsJobs.as_view(_LIST, schema=None), {"face": "async"}),
    *_below("async", schema=None),
]
