"""Files that are streamed through the gateway."""

from http import HTTPStatus

from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from esap.api.in_flight import Slots, caller_key
from esap.api.streaming import stream
from rucio_app.backends.base import DataLake
from rucio_app.services.downloads import Offer, read

__all__ = ["streamed"]

MOST_AT_ONCE = 4
"""Downloads of one caller in one process: each holds a thread as long as it lasts."""

_running = Slots("downloads")


def streamed(request: Request, lake: DataLake, offered: Offer) -> HttpResponseBase:
    """Answer with a file, or the part of it that `Range` asks for; its token stays here."""
    caller = caller_key(request)
    _running.take(caller, MOST_AT_ONCE)
    try:
        found = read(lake, request.user, offered, request.headers.get("Range", ""))
        response = stream(
            found.chunks,
            content_type="application/octet-stream",
            on_close=lambda: _running.give_back(caller),
        )
    except BaseException:
        _running.give_back(caller)
        raise
    response.headers["Accept-Ranges"] = "bytes"
    if disposition := content_disposition_header(True, offered.name):  # noqa: FBT003 - its name
        response.headers["Content-Disposition"] = disposition
    if found.size is not None:
        response.headers["Content-Length"] = str(found.size)
    if found.content_range:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = found.content_range
    return response
