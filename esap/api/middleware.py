"""What happens to every request before a view sees it, and to every answer after."""

import io
import re
import time
import uuid
from collections.abc import Callable
from urllib.parse import parse_qsl

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]

from esap.api.problems import problem_response
from esap.errors import InvalidRequest, TooLarge
from esap.redaction import carries_token, for_logs, without_tokens

__all__ = ["ContentPolicy", "PlainAddresses", "PrivateAnswers", "RequestLog", "WholeBody"]

logger = structlog.get_logger("esap.requests")
GetResponse = Callable[[HttpRequest], HttpResponseBase]
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")


class RequestLog:
    """Give every request an id, say it in the answer and in every log line, and log the outcome.

    An id that the caller sends in X-Request-ID is kept if it is harmless, and nothing that a log
    would hide, so that a chain of services shares one. The query string is not logged: it may hold
    what a user searches for.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        asked = request.headers.get("X-Request-ID", "")
        harmless = _REQUEST_ID.match(asked) and for_logs(asked) == asked
        request_id = asked if harmless else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        logger.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            milliseconds=round(1000 * (time.perf_counter() - began), 1),
        )
        return response


class WholeBody:
    """Read a chunked request body whole, which Django would silently take for an empty one.

    Django believes only Content-Length (WSGIRequest and ASGIRequest alike), while curl, stilts and
    TOPCAT send uploads chunked. The body is read up to ESAP_MAX_BODY_BYTES.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if _too_long(request.META.get("CONTENT_LENGTH")):
            return self._refuse(request)
        chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        if chunked and not request.META.get("CONTENT_LENGTH"):
            try:
                body = self._read(request)
            except (OSError, ParseException):  # the client left; its chunks are none
                return problem_response(
                    InvalidRequest("The chunked request body is broken. Send it again."), request
                )
            if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                return self._refuse(request)
            request.META["CONTENT_LENGTH"] = str(len(body))
            vars(request).update(_stream=io.BytesIO(body), _read_started=False)
        return self.get_response(request)

    def _read(self, request: HttpRequest) -> bytes:
        """Read one byte more than is taken, at most; the server undoes the chunks."""
        source = getattr(request, "environ", {}).get("wsgi.input") or request
        return bytes(source.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1))

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return problem_response(
            TooLarge(f"The request body is larger than {limit} bytes. Send less at once."), request
        )


def _too_long(length: str | None) -> bool:
    return (
        bool(length)
        and str(length).isdigit()
        and (int(str(length)) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    )


class PlainAddresses:
    """Refuse an address with a token in it: it is in logs and histories by now, and in Referer.

    Tokens are sent in one header and nowhere else (RFC 6750, sections 2.3 and 5.3). The code that a
    login comes back with may look like one, and is good for one use.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = parse_qsl(request.META.get("QUERY_STRING", ""), keep_blank_values=True)
        texts = [text for name, value in sent if name != "code" for text in (name, value)]
        if not carries_token([request.path, *texts]):
            return self.get_response(request)
        # No page may lead back to it.
        request.META["QUERY_STRING"] = ""
        request.path = request.path_info = without_tokens(request.path)
        return problem_response(
            InvalidRequest(
                "There is a token in the address, where others may read it: revoke it. Send tokens "
                "in the header `Authorization: Bearer`, and nowhere else."
            ),
            request,
        )


class PrivateAnswers:
    """Keep answers from the caches that callers share, unless a view says that all get the same.

    Entries may be for some groups only, so almost any answer may depend on who asks, also a refusal
    (RFC 9111, sections 4.1 and 5.2.2). A caller's own cache asks whether its copy still holds.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-cache"
            patch_vary_headers(response, ("Cookie", "Authorization"))
        return response


class ContentPolicy:
    """Tell browsers what a page of ours may load: nothing from elsewhere (W3C CSP level 3).

    DRF's, Swagger UI's and the admin's pages have scripts inline.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        connect = " ".join(["'self'", *([settings.EVENTS_URL] if settings.EVENTS_URL else [])])
        closed = "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
        self._page = (
            f"default-src 'self' 'unsafe-inline' data: blob:; connect-src {connect}; {closed}"
        )
        self._data = "default-src 'none'; frame-ancestors 'none'"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault(
            "Content-Security-Policy", self._page if is_page else self._data
        )
        return response
