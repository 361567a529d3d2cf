"""What a provider tells of itself: fetched once, kept for a time, and kept on while it is away."""

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

import structlog

from esap.backends.deadline import apart
from esap.backends.single_flight import SingleFlight
from esap.errors import EsapError

__all__ = ["PAUSE", "Kept"]

T = TypeVar("T")
logger = structlog.get_logger(__name__)

PAUSE = 15.0
"""Seconds before a provider is asked again that did not answer, or that had nothing new."""


class Kept(Generic[T]):
    """A value that is fetched when it is needed and older than `seconds`.

    Of many threads that need it at once, one fetches it, within `patience` seconds. While the
    provider is away the last value serves on, for `last_resort` seconds: otherwise its outage would
    be one of every API call. Only who fetches waits then; the others go on with what there is.
    """

    def __init__(
        self,
        what: str,
        fetch: Callable[[], T],
        *,
        seconds: float,
        last_resort: float,
        patience: float,
    ) -> None:
        self._what = what
        self._fetch = fetch
        self._seconds = seconds
        self._last_resort = last_resort
        self._patience = patience
        self._together: SingleFlight[T] = SingleFlight()
        self._last: tuple[T, float] | None = None  # with the time at which it came
        self._tried = self._missed = -float("inf")

    def get(self) -> T:
        """Return the value, or raise what fetching it raised."""
        if self._last is None:
            return self._fetched()
        value, came = self._last
        now = monotonic()
        if now - came > self._last_resort:
            return self._fetched()
        if now - came < self._seconds or now - self._tried < PAUSE:
            return value
        try:
            return self._fetched()
        except EsapError as error:
            logger.warning("serving on with what was kept", what=self._what, why=error.detail)
            return value

    def renewed(self) -> T:
        """Return the value after asking again, unless somebody had that done just before.

        For whoever misses something in it, such as a key: a stranger's token must not make us
        ask the provider each time it comes.
        """
        now = monotonic()
        if self._last is not None and now - self._missed < PAUSE:
            return self._last[0]
        self._missed = now
        return self._fetched()

    def _fetched(self) -> T:
        self._tried = monotonic()
        return self._together.do("", self._fetched_for_all)

    def _fetched_for_all(self) -> T:
        with apart(self._patience):
            value = self._fetch()
        self._last = (value, monotonic())
        return value
