"""What UWS requests say, and how UWS answers."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NoReturn
from uuid import UUID

import orjson
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from esap.api.parsers import JSONParser
from esap.errors import InvalidRequest, MethodNotAllowed
from esap.jobs.models import Job
from esap.jobs.services import job_for
from esap.jobs.uws.documents import job_document
from esap.jobs.uws.published import published_job

__all__ = ["UwsView", "see_other", "text", "wants_json", "xml"]

XML = "text/xml"
_SENTENCE = (
    "Jobs are carried out by workers of the gateway, and nobody else reports on them: {method} is "
    "not allowed here. The OpenAPI document, at schema, says what is."
)


class PlainOrJson(DefaultContentNegotiation):
    """Never refuse: VO clients accept XML and plain text, and problems are JSON all the same."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the browsable renderer to a browser, else the one for JSON."""
        page = _is_browser(request)
        known = list(renderers)
        for renderer in known:
            if isinstance(renderer, BrowsableAPIRenderer) == page:
                return renderer, renderer.media_type
        return known[0], known[0].media_type


class UwsView(APIView):
    """What all addresses of UWS have in common; `face` is the name of the job list in them."""

    permission_classes = [AllowAny]
    content_negotiation_class = PlainOrJson
    parser_classes: Sequence[type[BaseParser]] = (FormParser, MultiPartParser, JSONParser)
    face = "jobs"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Note the address of the job list that the request came by."""
        self.face = str(kwargs.get("face", self.face))
        self.base = request.build_absolute_uri(f"{reverse('api-root')}uws/{self.face}")
        super().initial(request, *args, **kwargs)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> NoReturn:
        """Say why what the published gateway's workers did is not taken."""
        raise MethodNotAllowed(_SENTENCE.format(method=request.method))

    def job(self, job_id: str) -> Job:
        """Return a job that the caller may see; `NotFound` otherwise."""
        return job_for(self.request.user, UUID(job_id))

    def pairs(self) -> list[tuple[str, str]]:
        """Return the parameters of the body, in the order in which they came."""
        return _pairs(self.request.data)

    def described(self, job: Job, **kwargs: Any) -> HttpResponseBase:
        """Answer with the description of a job, as the caller wants it."""
        if wants_json(self.request):
            return Response(published_job(job, self.base), **kwargs)
        return xml(job_document(job, self.base, self.owner_of(job)), **kwargs)

    def owner_of(self, job: Job) -> str:
        """Return the name of a job's owner, without asking the database if that is the caller."""
        if job.owner_id is None:
            return ""
        user = self.request.user
        return str((user if user.pk == job.owner_id else job.owner).get_username())  # type: ignore[union-attr]  # it has an owner

    def see_job(self, job: Job, **headers: str) -> HttpResponseBase:
        """Answer that the job is where to look, with its description (UWS 1.1, section 2.2.3)."""
        headers = {"Location": f"{self.base}/{job.pk}", **headers}
        return self.described(job, status=HTTPStatus.SEE_OTHER, headers=headers)


def wants_json(request: Request) -> bool:
    """Whether JSON is asked for, by `?format=` or Accept, or a page that shows it."""
    asked = request.query_params.get("format", "").lower()
    if asked in {"json", "xml"}:
        return asked == "json"
    return _is_browser(request) or "application/json" in request.headers.get("Accept", "")


def xml(document: bytes, **kwargs: Any) -> HttpResponse:
    """Answer with a document."""
    return HttpResponse(document, content_type=XML, **kwargs)


def text(value: object, **kwargs: Any) -> HttpResponse:
    """Answer with plain text."""
    return HttpResponse(str(value), content_type="text/plain; charset=utf-8", **kwargs)


def see_other(location: str) -> HttpResponse:
    """Answer where to look."""
    return HttpResponse(status=HTTPStatus.SEE_OTHER, headers={"Location": location})


def _is_browser(request: Request) -> bool:
    """Whether a page is wanted: Java's own client accepts text/html, too, but no XHTML."""
    accept = request.headers.get("Accept", "")
    return "application/xhtml+xml" in accept and not request.query_params.get("format")


def _pairs(data: Any) -> list[tuple[str, str]]:
    if hasattr(data, "lists"):
        found = [(name, value) for name, values in data.lists() for value in values]
        if any(isinstance(value, UploadedFile) for _, value in found):
            raise InvalidRequest("Files cannot be uploaded here, so there is no UPLOAD either.")
        return [pair for pair in found if pair[0] != "csrfmiddlewaretoken"]
    if not isinstance(data, Mapping):
        raise InvalidRequest("Send a form, or a JSON object.")
    about = {name: value for name, value in data.items() if name != "parameters"}
    return [*_told(about), *_told(data.get("parameters") or {})]


def _told(values: Any) -> list[tuple[str, str]]:
    """Return parameters as texts: of an object, or of a list of keys and values."""
    if isinstance(values, list):
        if not all(isinstance(one, Mapping) and "key" in one for one in values):
            raise InvalidRequest('parameters: give each as {"key": "...", "value": "..."}.')
        return [pair for one in values for pair in _told({str(one["key"]): one.get("value")})]
    if not isinstance(values, Mapping):
        raise InvalidRequest("parameters: give an object, or a list of keys and values.")
    return [
        (str(name), one if isinstance(one, str) else orjson.dumps(one).decode())
        for name, value in values.items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
