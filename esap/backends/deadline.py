"""A total deadline, and a way to cancel, for outbound work.

    with within(30) as scope:           # all that is called here ends within 30 seconds
        backend.query(...)              # and at once after scope.cancel(), from any thread

Waiting is never polled: whoever blocks registers with `Scope.on_end` what wakes it, and one
watchdog thread calls that when the time is over.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog

from esap.errors import BackendTimedOut, Cancelled

__all__ = ["Scope", "Watch", "apart", "current_scope", "within"]

log = structlog.get_logger(__name__)


class Scope:
    """The time that a piece of work has, and whether it is still wanted."""

    def __init__(self, seconds: float | None, parent: "Scope | None" = None) -> None:
        now = time.monotonic()
        self.parent = parent
        self.ends = math.inf if seconds is None else now + seconds
        if parent is not None:
            self.ends = min(self.ends, parent.ends)
        self.seconds = self.ends - now
        self._cancelled = False

    @property
    def allowed(self) -> str:
        """The time this scope had, for a sentence."""
        return f"{round(self.seconds, 1) or round(self.seconds, 3):g} s"

    @property
    def cancelled(self) -> bool:
        """Whether this scope, or one around it, was cancelled."""
        return self._cancelled or (self.parent is not None and self.parent.cancelled)

    @property
    def over(self) -> bool:
        """Whether the time has run out."""
        return time.monotonic() >= self.ends

    def remaining(self) -> float:
        """Return the seconds left; raise `Cancelled` or `BackendTimedOut` when there are none."""
        if self.cancelled:
            raise Cancelled("The work was stopped, because its result is no longer wanted.")
        left = self.ends - time.monotonic()
        if left <= 0:
            raise BackendTimedOut(
                f"The work was not done within the {self.allowed} it was allowed. "
                "Try again, or allow more time."
            )
        return left

    def check(self) -> None:
        """Raise `Cancelled` or `BackendTimedOut` if the work should stop."""
        self.remaining()

    def cancel(self) -> None:
        """End this scope and all within it, at once; from any thread, any number of times."""
        self._cancelled = True
        _watchdog.end(self)

    def on_end(self, wake: Callable[[], None]) -> "Watch":
        """Have `wake` called once when the scope ends, from another thread; stop the watch after.

        `wake` must be quick and must not raise, such as `Event.set` or DuckDB's `interrupt`.
        """
        watch = Watch(self, wake)
        _watchdog.add(watch)
        return watch

    def wait(self, event: threading.Event, seconds: float = math.inf) -> bool:
        """Wait for the event and return whether it came; raise when the scope ends first."""
        left = min(seconds, self.remaining())
        ended = self.on_end(event.set)
        try:
            came = event.wait(None if math.isinf(left) else left)
        finally:
            ended.stop()
        self.check()
        return came

    def sleep(self, seconds: float) -> None:
        """Wait; raise when the scope ends first."""
        self.wait(threading.Event(), seconds)


class Watch:
    """One blocked piece of work, and what wakes it."""

    def __init__(self, scope: Scope, wake: Callable[[], None]) -> None:
        self.scope = scope
        self._wake: Callable[[], None] | None = wake
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Watch no longer; on return, `wake` is not running and will not run."""
        _watchdog.discard(self)
        with self._lock:
            self._wake = None

    def fire(self) -> None:
        """Wake the work, unless that was done or the watch was stopped."""
        with self._lock:
            wake, self._wake = self._wake, None
            if wake is not None:
                try:
                    wake()
                except Exception:
                    # One careless callback must not end the deadlines of all others.
                    log.exception("deadline.wake_failed")

    def within(self, scope: Scope) -> bool:
        """Whether the work ends when `scope` does."""
        own: Scope | None = self.scope
        while own is not None and own is not scope:
            own = own.parent
        return own is scope


class _Watchdog:
    """The thread that ends what is late. It starts with the first deadline, once per process."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: in a forked child, the parent's thread and its work do not exist."""
        self._changed = threading.Condition(threading.Lock())
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None
        self._wakes_at = math.inf

    def add(self, watch: Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            if watch.scope.ends < self._wakes_at:
                self._changed.notify()
        # A cancel may have come before the watch was in the set.
        if watch.scope.cancelled:
            self._fire([watch])

    def discard(self, watch: Watch) -> None:
        with self._changed:
            self._watches.discard(watch)

    def end(self, scope: Scope) -> None:
        with self._changed:
            ended = [watch for watch in self._watches if watch.within(scope)]
        self._fire(ended)

    def _fire(self, watches: list[Watch]) -> None:
        for watch in watches:
            self.discard(watch)
            watch.fire()

    def _run(self) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                late = [watch for watch in self._watches if watch.scope.ends <= now]
                if not late:
                    self._wakes_at = min((w.scope.ends for w in self._watches), default=math.inf)
                    idle = math.isinf(self._wakes_at)
                    self._changed.wait(None if idle else self._wakes_at - now)
                    continue
            self._fire(late)


_watchdog = _Watchdog()
os.register_at_fork(after_in_child=_watchdog.reset)

_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """Return the innermost scope of this thread."""
    return _current.get()


@contextmanager
def within(seconds: float | None, parent: Scope | None = None) -> Iterator[Scope]:
    """Give the work in this block a deadline; None for one that can only be cancelled.

    Scopes nest, and the nearer end wins. A thread starts with no scope: hand it one as `parent`.
    Not for use around a `yield`: between two of its values, a generator's scope would hold for
    its consumer. Take `Scope(seconds, parent)` and `within(None, scope)` around the parts instead.
    """
    yield from _around(Scope(seconds, parent or current_scope()))


@contextmanager
def apart(seconds: float) -> Iterator[Scope]:
    """Give the work in this block a deadline of its own, whatever scope is around it.

    For what does harm when it is broken off half-way, such as using up a refresh token: whoever
    asked for it may have left, or have less time.
    """
    yield from _around(Scope(seconds))


def _around(scope: Scope) -> Iterator[Scope]:
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)
