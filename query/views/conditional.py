"""Answers made of entries alone: public, the same for all, and sent once while they stay so."""

from collections.abc import Callable
from hashlib import blake2b

from django.conf import settings
from django.http import HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.request import Request
from rest_framework.response import Response

from esap.backends.registry import fingerprint

__all__ = ["unless_known"]

_CACHE_CONTROL = "public, max-age=60"


def unless_known(request: Request, make: Callable[[], object]) -> HttpResponseBase:
    """Answer with what `make` returns, or with 304 if the caller has it already (RFC 9110, 13.1.2).

    The tag follows from the entries, the version, the address and the format: `make` must depend on
    nothing else. It is not called for a 304.
    """
    tag = _tag(request)
    headers = {"ETag": tag, "Cache-Control": _CACHE_CONTROL}
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if tag in {etag.removeprefix("W/") for etag in known}:
        return HttpResponseNotModified(headers=headers)
    return Response(make(), headers=headers)


def _tag(request: Request) -> str:
    parts = (
        settings.VERSION,
        fingerprint(),
        request.accepted_renderer.media_type,
        request.build_absolute_uri(),
    )
    return f'"{blake2b(" ".join(parts).encode(), digest_size=12).hexdigest()}"'
