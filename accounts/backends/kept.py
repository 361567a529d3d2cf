"""What a provider tells of itself: fetched once, kept for a time, and kept on while it is away."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from esap.errors import EsapError

__all__ = ["Kept"]

T = TypeVar("T")
logger = structlog.get_logger(__name__)

PAUSE = 15.0
"""Seconds after a failure, or after a renewal, before the provider is asked again."""


class Kept(Generic[T]):
    """A value that is fetched when it is needed and older than `seconds`.

    Of many threads that need it at once, one fetches. While the provider is away the last value
    serves on, for `last_resort` seconds: otherwise its outage would be one of every API call.
    """

    def __init__(
        self, what: str, fetch: Callable[[], T], *, seconds: float, last_resort: float
    ) -> None:
        self._what = what
        self._fetch = fetch
        self._seconds = seconds
        self._last_resort = last_resort
        self._lock = threading.Lock()
        self._value: T | None = None
        self._fetched = -float("inf")
        self._tried = -float("inf")

    def get(self) -> T:
        """Return the value, or raise what fetching it raised."""
        value = self._value
        if value is not None and time.monotonic() - self._fetched < self._seconds:
            return value
        return self._renewed(self._seconds)

    def renewed(self) -> T:
        """Return the value after asking again, unless that was done just before.

        For whoever misses something in it, such as a key: a stranger's token must not make us
        ask the provider each time it comes.
        """
        return self._renewed(PAUSE)

    def _renewed(self, fresh: float) -> T:
        with self._lock:
            now = time.monotonic()
            value = self._value
            if value is not None and (now - self._fetched < fresh or now - self._tried < PAUSE):
                return value
            self._tried = now
            try:
                self._value = self._fetch()
            except EsapError as error:
                if value is None:
                    self._tried = -float("inf")
                    raise
                if now - self._fetched > self._last_resort:
                    raise
                logger.warning("serving on with what was kept", what=self._what, why=error.detail)
                return value
            self._fetched = time.monotonic()
            return self._value
