"""Answer every failed request with an RFC 9457 problem document."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import (
    DisallowedHost,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    JsonResponse,
    UnreadablePostError,
)
from django.shortcuts import render
from django.urls import get_script_prefix
from rest_framework import exceptions
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from esap.api.ratelimit import Quota, rate_limits
from esap.api.refusal import Refusal
from esap.errors import (
    EsapError,
    InvalidRequest,
    InvalidToken,
    LoginRequired,
    MethodNotAllowed,
    NotAcceptable,
    NotAllowed,
    NotFound,
    TooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from esap.redaction import without_tokens

__all__ = [
    "PROBLEM_JSON",
    "problem_document",
    "problem_handler",
    "problem_response",
    "problem_type",
    "suspicion",
]

logger = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"


def problem_type(error: EsapError | type[EsapError]) -> str:
    """Return the address of the page that explains an error, in every process that may answer."""
    return f"{get_script_prefix()}esap-api/problems/{error.slug}"


def problem_document(error: EsapError, *, instance: str = "") -> dict[str, Any]:
    """Return the problem document of an error (RFC 9457, section 3.1).

    `type` leads to the page that explains the slug; `instance` is the path of the request. A token
    that came in the place of something else is not repeated.
    """
    document: dict[str, Any] = {
        "type": problem_type(error),
        "title": error.title,
        "status": error.status.value,
        "detail": error.detail,
        "slug": error.slug,
        "retryable": error.retryable,
        **{key: value for key, value in error.extensions.items() if value is not None},
    }
    if instance:
        document["instance"] = instance
    return dict(without_tokens(document))


def problem_response(error: EsapError, request: HttpRequest) -> HttpResponse:
    """Answer with a problem outside DRF, for middleware and Django's own error pages.

    A browser gets it as a page.
    """
    document = problem_document(error, instance=request.path)
    if request.get_preferred_type([PROBLEM_JSON, "text/html"]) == "text/html":
        return render(request, "esap/problem.html", document, status=error.status)
    return JsonResponse(document, status=error.status, content_type=PROBLEM_JSON)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception into a problem document; leave bugs to Django's 500."""
    known = _as_esap_error(error)
    if known is None:
        return None  # A bug, not a problem: it must reach the logs as one.
    request: Request = context["request"]
    response = Response(
        problem_document(known, instance=request.path),
        status=known.status,
        headers=_headers(known),
    )
    if not isinstance(getattr(request, "accepted_renderer", None), BrowsableAPIRenderer):
        response.content_type = PROBLEM_JSON
    response.exception = True
    set_rollback()
    if known.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.warning("problem", slug=known.slug, detail=known.detail, status=known.status.value)
    return response


def _as_esap_error(error: Exception) -> EsapError | None:
    """Return the EsapError that says what a DRF or Django exception means; None for a bug."""
    if isinstance(error, EsapError):
        return error
    if isinstance(error, Refusal):
        return error.error
    meaning = next((make for kind, make in _MEANINGS if isinstance(error, kind)), None)
    return meaning(error) if meaning else None


def suspicion(error: Exception) -> str:
    """Return what a caller may know of a request that Django finds suspicious."""
    match error:
        case DisallowedHost():
            return "The gateway does not answer under this host name. Use the one you were given."
        case TooManyFieldsSent() | TooManyFilesSent():
            return "The request has too many parameters. Send fewer."
        case _:
            return "The request is not valid."


def _invalid(error: Any) -> EsapError:
    fields = _plain(error.detail) if isinstance(error.detail, dict) else None
    return InvalidRequest(_first_sentence(error.detail), errors=fields)


_MEANINGS: list[
    tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], EsapError]]
] = [
    (exceptions.ValidationError, _invalid),
    (exceptions.ParseError, lambda e: InvalidRequest(f"The body cannot be read: {e.detail}")),
    (
        (exceptions.NotAuthenticated, exceptions.AuthenticationFailed),
        lambda _: LoginRequired("Log in, or send a valid token, and try again."),
    ),
    (
        (exceptions.PermissionDenied, PermissionDenied),
        lambda e: NotAllowed(str(e) or "You may not do this."),
    ),
    (
        (exceptions.NotFound, Http404),
        lambda _: NotFound("There is nothing at this address that you may see."),
    ),
    (exceptions.MethodNotAllowed, lambda e: MethodNotAllowed(str(e.detail))),
    (
        exceptions.NotAcceptable,
        lambda _: NotAcceptable("None of the formats in Accept can be given here."),
    ),
    (
        exceptions.UnsupportedMediaType,
        lambda e: UnsupportedMediaType(f"{e.detail} Send application/json."),
    ),
    (exceptions.Throttled, lambda e: TooManyRequests(str(e.detail))),
    (RequestDataTooBig, lambda _: TooLarge("The request body is too large.")),
    (UnreadablePostError, lambda _: InvalidRequest("The request body broke off. Send it again.")),
    (SuspiciousOperation, lambda e: InvalidRequest(suspicion(e))),
]


def _headers(known: EsapError) -> dict[str, str]:
    headers = {}
    if known.status == HTTPStatus.UNAUTHORIZED:
        # RFC 6750, section 3.1.
        reason = ' error="invalid_token"' if isinstance(known, InvalidToken) else ""
        headers["WWW-Authenticate"] = f"Bearer{reason}"
    retry_after = known.extensions.get("retry_after")
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    running, limit = known.extensions.get("running"), known.extensions.get("limit")
    if isinstance(running, int) and isinstance(limit, int):
        policy = str(known.extensions.get("policy", "in-flight"))
        seconds = retry_after if isinstance(retry_after, int) else None
        headers |= rate_limits([Quota(policy, limit, max(0, limit - running), seconds)])
    return headers


def _first_sentence(detail: Any) -> str:
    """Return the first message of DRF's nested details, with the field it is about."""
    if isinstance(detail, dict):
        field, inner = next(iter(detail.items()))
        sentence = _first_sentence(inner)
        return sentence if field == "non_field_errors" else f"{field}: {sentence}"
    if isinstance(detail, list):
        return _first_sentence(detail[0]) if detail else "The request is not valid."
    return str(detail)


def _plain(detail: Any) -> Any:
    if isinstance(detail, dict):
        return {str(key): _plain(value) for key, value in detail.items()}
    if isinstance(detail, list):
        return [_plain(value) for value in detail]
    return str(detail)
