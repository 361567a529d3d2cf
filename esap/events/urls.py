"""All that the events process serves."""

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path

import esap.health.urls
from esap.api.problems import problem_response
from esap.api.views import bad_request, bug
from esap.errors import NotFound
from esap.events.paths import ALL_EVENTS, JOB_EVENTS, SEARCH_EVENTS
from esap.events.views import AllEvents, JobEvents

__all__ = ["nothing_here"]

api: list[URLPattern | URLResolver] = [
    re_path(ALL_EVENTS, AllEvents.as_view()),
    re_path(JOB_EVENTS, JobEvents.as_view()),
    re_path(SEARCH_EVENTS, JobEvents.as_view()),
    path("health/", include(esap.health.urls)),
    path("", include(esap.health.urls.metrics_urlpatterns)),
]
urlpatterns = [path("esap-api/", include(api))]


def nothing_here(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django names it
    """Answer 404 as a problem."""
    return problem_response(
        NotFound(
            "The events process serves events, and jobs with a wait; ask the gateway for all else."
        ),
        request,
    )


handler400 = bad_request
handler404 = nothing_here
handler500 = bug
