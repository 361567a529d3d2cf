"""Answers made of entries alone: sent once while they stay so, and to all who see the same."""

from collections.abc import Callable
from hashlib import blake2b

from django.conf import settings
from django.http import HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.http import parse_etags
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from esap.backends.registry import fingerprint
from esap.backends.visibility import Standing
from query.backends.base import archives

__all__ = ["OfEntries", "unless_known"]

_SAME_FOR_ALL = "public, max-age=60"


class OfEntries(ViewSet):
    """A view of the entries, which looks up who asks only if that may matter.

    Where every archive is for everybody, no session and no token is read.
    """

    permission_classes = (AllowAny,)

    def perform_authentication(self, request: Request) -> None:
        """Leave it to whoever needs the caller: `request.user` does it then."""


def unless_known(request: Request, make: Callable[[Standing], object]) -> HttpResponseBase:
    """Answer with what `make` returns, or with 304 if the caller has it already (RFC 9110, 13.1.2).

    The tag follows from the entries, what of the caller decides which of them they see, the
    version, the address and the format: `make` must depend on nothing else, so it is given that
    part of the caller. It is not called for a 304. Where callers see different entries, the answer
    stays private, as answers are unless they say otherwise.
    """
    restricted = archives.is_restricted()
    caller = archives.standing_of(request.user if restricted else None)
    tag = _tag(request, caller)
    headers = {"ETag": tag} if restricted else {"ETag": tag, "Cache-Control": _SAME_FOR_ALL}
    known = parse_etags(request.headers.get("If-None-Match", ""))
    if tag in {etag.removeprefix("W/") for etag in known}:
        return HttpResponseNotModified(headers=headers)
    return Response(make(caller), headers=headers)


def _tag(request: Request, caller: Standing) -> str:
    parts = (
        settings.VERSION,
        fingerprint(),
        *sorted(caller.group_names),
        request.accepted_renderer.media_type,
        request.build_absolute_uri(),
    )
    return f'"{blake2b(" ".join(parts).encode(), digest_size=12).hexdigest()}"'
