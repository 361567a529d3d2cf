"""How many searches a caller has running, whichever way they were asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from rest_framework.request import Request

from esap.api.in_flight import Slots, caller_key

__all__ = ["counted", "start"]

_RUNNING = Slots("searches")


def start(request: Request) -> Callable[[], None]:
    """Count a search in; return what counts it out, the first time it is called.

    Raises `TooManyRequests` if the caller has as many running as is allowed.
    """
    caller = caller_key(request)
    _RUNNING.take(caller, settings.SEARCHES_IN_FLIGHT)
    ends = [lambda: _RUNNING.give_back(caller)]

    def end() -> None:
        with suppress(IndexError):
            ends.pop()()

    return end


@contextmanager
def counted(request: Request) -> Iterator[None]:
    """Count what is done in this block as a search of the caller's."""
    end = start(request)
    try:
        yield
    finally:
        end()
