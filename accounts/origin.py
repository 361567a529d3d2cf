"""Whether a write comes from a page of ours, or from another site in the same browser."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import CSRFCheck
from rest_framework.request import Request

from esap.errors import NotAllowed

__all__ = ["check_origin"]

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, section 9.2.1


def check_origin(request: HttpRequest | Request) -> None:
    """Raise `NotAllowed` for an unsafe method that a page of another site may have sent.

    For whatever a cookie authorises: a browser sends that along, whichever page asks. Browsers say
    who asks: by Origin (Fetch standard, section 3.2), or else by Sec-Fetch-Site (W3C Fetch Metadata
    Request Headers). Who says neither has to have Django's CSRF token.

    The front end has no such token, so a token cannot be asked of all. A page of a host beside
    ours ("same-site") is another site: it may be anybody's.
    """
    plain = request._request if isinstance(request, Request) else request  # noqa: SLF001 - DRF's own way
    if plain.method in _SAFE:
        return
    origin = plain.headers.get("Origin")
    site = plain.headers.get("Sec-Fetch-Site")
    if origin is not None:
        is_ours = _is_let_in(plain, origin)
    elif site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = _has_csrf_token(plain)
    if not is_ours:
        raise NotAllowed(
            "This may come from a page of another site. Do it from a page of the gateway's own; a "
            "script sends an API token, or, without a login, the gateway's address as Origin."
        )


def _is_let_in(request: HttpRequest, origin: str) -> bool:
    """Say whether an origin is our own or configured; "null" (a sandboxed page) is neither."""
    own = f"{request.scheme}://{request.get_host()}".lower()
    return origin.lower() == own or origin in settings.CORS_ALLOWED_ORIGINS


def _has_csrf_token(request: HttpRequest) -> bool:
    """Say whether the request has the token of a form of ours, as Django checks it."""
    check = CSRFCheck(lambda _: HttpResponse())
    check.process_request(request)
    return check.process_view(request, None, (), {}) is None  # type: ignore[arg-type]
