"""The pages that belong to no room: the landing page, the API's root, and the problems."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.views.generic import TemplateView
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from esap import errors
from esap.api.problems import problem_response, problem_type, suspicion
from esap.errors import EsapError, InvalidRequest, MethodNotAllowed, NotAllowed, NotFound

__all__ = [
    "ApiRoot",
    "Landing",
    "ProblemPages",
    "RoomRoot",
    "bad_request",
    "bug",
    "forbidden",
    "nothing_here",
]


class Landing(TemplateView):
    """The first page a visitor sees."""

    template_name = "esap/landing.html"

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: Any, **_kwargs: Any
    ) -> HttpResponse:
        """Answer 405 as a problem."""
        response = problem_response(MethodNotAllowed("This page can only be read."), request)
        response.headers["Allow"] = "GET, HEAD, OPTIONS"
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the version and the address of the API."""
        base = self.request.build_absolute_uri(reverse("api-root"))
        return super().get_context_data(version=settings.VERSION, base=base, **kwargs)


class ApiRoot(APIView):
    """The ESAP API Gateway: one platform in front of many services.

    **Discover** data in many archives at once, **stage** it, **analyse** it in a notebook or as a
    job. Start with `query/archives-uri` to see what can be searched, then ask a question with
    `POST query/searches`. Every failure is a problem document that says what to do.
    """

    permission_classes = (AllowAny,)  # It has nothing but addresses.

    def get_view_name(self) -> str:
        """Return the title of the page."""
        return "ESAP API"

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="root", tags=["gateway"])
    def get(self, request: Request) -> Response:
        """List what the gateway offers, room by room."""
        base = reverse("api-root")
        rooms = {
            room: {"about": about, "links": links}
            for room, about, links in _rooms(request.build_absolute_uri(base))
        }
        return Response(
            {
                "title": "ESAP API Gateway",
                "version": settings.VERSION,
                "documentation": {
                    "openapi": request.build_absolute_uri(reverse("schema")),
                    "swagger_ui": request.build_absolute_uri(reverse("swagger-ui")),
                    "redoc": request.build_absolute_uri(reverse("redoc")),
                    "problems": request.build_absolute_uri(reverse("problems")),
                },
                "rooms": rooms,
            }
        )


class RoomRoot(APIView):
    """What one room offers."""

    permission_classes = (AllowAny,)  # It has nothing but addresses.

    def get_view_name(self) -> str:
        """Return the title of the page; in the breadcrumbs of another page there is no room."""
        return str(getattr(self, "kwargs", {}).get("room", "room")).capitalize()

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="room", tags=["gateway"])
    def get(self, request: Request, room: str) -> Response:
        """List what a room offers."""
        base = request.build_absolute_uri(reverse("api-root"))
        for name, about, links in _rooms(base):
            if name == room:
                return Response({"title": room, "about": about, "links": links})
        raise NotFound(f"There is no room {room!r}. {reverse('api-root')} lists what there is.")


class ProblemPages(APIView):
    """What each problem means, and what to do about it."""

    permission_classes = (AllowAny,)

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="problems")
    def get(self, request: Request, slug: str | None = None) -> Response:
        """List all problems, or tell one."""
        known = {cls.slug: _about(cls) for cls in problem_classes()}
        if slug is None:
            return Response({"results": list(known.values())})
        if slug not in known:
            raise NotFound(f"There is no problem {slug!r}. See {reverse('problems')}.")
        return Response(known[slug])


def problem_classes() -> list[type[EsapError]]:
    """Return every class of esap.errors, by slug."""
    found = [cls for cls in vars(errors).values() if isinstance(cls, type)]
    found = [cls for cls in found if issubclass(cls, EsapError)]
    return sorted(found, key=lambda cls: cls.slug)


def _about(cls: type[EsapError]) -> dict[str, Any]:
    return {
        "type": problem_type(cls),
        "slug": cls.slug,
        "title": cls.title,
        "status": cls.status.value,
        "retryable": cls.retryable,
        "meaning": (cls.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " "),
    }


def _rooms(base: str) -> list[tuple[str, str, dict[str, str]]]:
    """Return each room's name, its sentence, and its lists, as the router knows them."""
    router = import_string(f"{settings.ROOT_URLCONF}.router")
    abouts = {
        "query": "Discover: find data in many archives at once.",
        "rucio": "Stage: bring data near with Rucio.",
        "ida": "Analyse: open data in a notebook.",
        "batch": "Analyse: run workflows on batch systems.",
        "dirac": "Analyse: run jobs on the grid.",
        "accounts": "Who you are, and your basket.",
        "jobs": "All work that outlives a request, in one list.",
        "uws": "The same list as IVOA UWS 1.1 has it, and as the published gateway did.",
    }
    links: dict[str, dict[str, str]] = {}
    for prefix, view, _ in router.registry:
        if not hasattr(view, "list"):
            continue  # Nothing is at its bare address.
        room, _, rest = prefix.partition("/")
        links.setdefault(room, {})[rest or room] = base + prefix
    return [(room, abouts.get(room, ""), found) for room, found in links.items()]


def nothing_here(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001 - Django passes it by name
) -> HttpResponse:
    """Answer 404 as a problem."""
    root = reverse("api-root")
    return problem_response(
        NotFound(f"There is nothing at {request.path}. {root} lists what there is."), request
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 as a problem to what Django refuses before any view sees it."""
    return problem_response(InvalidRequest(suspicion(exception)), request)


def forbidden(
    request: HttpRequest,
    exception: Exception | None = None,  # noqa: ARG001 - Django passes it by name
    reason: str = "",  # noqa: ARG001 - why the CSRF check failed, for developers
) -> HttpResponse:
    """Answer 403 as a problem, also where a form comes without its CSRF token."""
    return problem_response(
        NotAllowed("You may not do this. If you came by a form, load its page again."), request
    )


def bug(request: HttpRequest) -> HttpResponse:
    """Answer 500 as a problem, without telling our stack."""
    return problem_response(
        EsapError(
            "The gateway made a mistake. Try again; if it stays, tell the operator the request id "
            "in the X-Request-ID header of this answer."
        ),
        request,
    )
