"""How much of what takes long, or much memory, one caller may have going on at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from rest_framework.request import Request

from esap.api.in_flight import Slots, caller_key

__all__ = ["estimating", "extending"]

_MOST_ESTIMATES = 4
"""Each may read 100 000 files into memory."""

_estimates = Slots("estimates of selections")
_extensions = Slots("extensions of stagings")


@contextmanager
def estimating(request: Request) -> Iterator[None]:
    """Let few selections of one caller be added up at once, to be staged or not."""
    with _held(_estimates, request, _MOST_ESTIMATES):
        yield


@contextmanager
def extending(request: Request) -> Iterator[None]:
    """Let one staging of a caller be extended at once: it takes a question for each DID."""
    with _held(_extensions, request, 1):
        yield


@contextmanager
def _held(slots: Slots, request: Request, most: int) -> Iterator[None]:
    caller = caller_key(request)
    slots.take(caller, most)
    try:
        yield
    finally:
        slots.give_back(caller)
