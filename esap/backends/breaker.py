"""A circuit breaker: a peer that keeps failing is left alone for a while.

closed -> (5 failures in a row) -> open -> (30 s) -> half-open, one trial -> closed or open again.
See M. Nygard, Release It!, "Circuit Breaker".
"""

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from esap.errors import BackendUnavailable

__all__ = ["Breaker", "State"]

State = Literal["closed", "open", "half-open"]


class Breaker:
    """The recent health of one peer, as its calls saw it. Threads share it.

    `last_error` and `last_error_at` tell of the last failure, and stay when the peer is well again.
    """

    def __init__(
        self,
        peer: str,
        title: str,
        *,
        failures: int = 5,
        pause: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peer = peer
        self.title = title
        self.last_error = ""
        self.last_error_at: datetime | None = None
        self._allowed = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._tried_again_at: float | None = None  # None while closed

    @property
    def state(self) -> State:
        """What the next call would meet; half-open is when it would be the trial."""
        with self._lock:
            if self._tried_again_at is None:
                return "closed"
            return "open" if self._clock() < self._tried_again_at else "half-open"

    @property
    def retry_after(self) -> float:
        """Seconds until the peer is asked again; 0 if it may be asked now."""
        with self._lock:
            return max(0.0, (self._tried_again_at or 0.0) - self._clock())

    def admit(self) -> bool:
        """Let a call pass and return whether it is the trial, or raise `BackendUnavailable`.

        When the pause is over, one call passes as the trial, and the pause begins anew for all
        others; so a trial whose end is never told does no harm.
        """
        with self._lock:
            if self._tried_again_at is None:
                return False
            now = self._clock()
            if now < self._tried_again_at:
                wait = math.ceil(self._tried_again_at - now)
                raise BackendUnavailable(
                    f"{self.title} is not asked just now, because its last {self._failures} calls "
                    f"failed. It is tried again in {wait} s. Its last error: {self.last_error}",
                    peer=self.peer,
                    retry_after=wait,
                )
            self._tried_again_at = now + self._pause
            return True

    def succeeded(self) -> None:
        """Take note that a call got an answer."""
        with self._lock:
            self._failures = 0
            self._tried_again_at = None

    def failed(self, sentence: str) -> None:
        """Take note that a call found the peer ill."""
        with self._lock:
            self.last_error = sentence
            self.last_error_at = datetime.now(UTC)
            self._failures += 1
            if self._failures >= self._allowed:
                self._tried_again_at = self._clock() + self._pause

    def abandoned(self, *, trial: bool) -> None:
        """Take note that a call ended without showing how the peer is, such as when cancelled."""
        with self._lock:
            if trial and self._tried_again_at is not None:
                self._tried_again_at = self._clock()
