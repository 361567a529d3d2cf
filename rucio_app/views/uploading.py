"""Files that come in through the gateway."""

from rest_framework.request import Request

from esap.api.bodies import members_of
from esap.api.in_flight import Slots, caller_key
from rucio_app.asking import UploadSerializer
from rucio_app.backends.base import DataLake
from rucio_app.backends.values import Item
from rucio_app.services.uploads import Incoming, Uploaded, refuse_too_large, upload

__all__ = ["taken"]

MOST_AT_ONCE = 2
"""Uploads of one caller in one process: each holds a thread as long as it lasts."""

_FORM_BYTES = 1 << 16
"""What a form has besides its file, at most."""

_running = Slots("uploads")


def taken(request: Request, lake: DataLake) -> Uploaded:
    """Take the file of a form into a lake. One that is far too large is not even read."""
    announced = request.headers.get("Content-Length", "")
    refuse_too_large(lake, int(announced) - _FORM_BYTES if announced.isdecimal() else 0)
    caller = caller_key(request)
    _running.take(caller, MOST_AT_ONCE)
    try:
        asked = members_of(request, UploadSerializer)
        wanted = Incoming(
            item=Item(asked["scope"], asked["name"]),
            file=asked["file"],
            size=asked["file"].size,
            rse=asked["rse"],
            lifetime=asked.get("lifetime"),
            dataset=asked["dataset"],
        )
        return upload(lake, request.user, wanted)
    finally:
        _running.give_back(caller)
