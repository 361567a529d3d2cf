"""Let identical questions that arrive together be one question upstream."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Share one answer among all who ask the same while it is being found, and shortly after.

    An answer is kept for `seconds`, at most `size` of them; a failure is shared with those who wait
    for it, and not kept. `keep` may say that an answer is not worth keeping.
    """

    def __init__(
        self, *, seconds: float = 0.0, size: int = 64, keep: Callable[[T], bool] = lambda _: True
    ) -> None:
        self.seconds = seconds
        self.size = size
        self.keep = keep
        self._lock = threading.Lock()
        self._flights: OrderedDict[Hashable, tuple[Future[T], float]] = OrderedDict()

    def do(self, key: Hashable, find: Callable[[], T]) -> T:
        """Return the answer for this key, found by `find` unless somebody else is at it."""
        with self._lock:
            future, kept_until = self._flights.get(key, (None, 0.0))
            if future is None or (future.done() and time.monotonic() >= kept_until):
                mine: Future[T] = Future()
                self._flights[key] = (mine, 0.0)
                self._flights.move_to_end(key)
                future = None
        if future is not None:
            return future.result()
        try:
            answer = find()
        except BaseException as error:
            self._land(key, mine, 0.0)
            mine.set_exception(error)
            raise
        self._land(key, mine, self.seconds if self.keep(answer) else 0.0)
        mine.set_result(answer)
        return answer

    def _land(self, key: Hashable, mine: "Future[T]", seconds: float) -> None:
        with self._lock:
            if seconds:
                self._flights[key] = (mine, time.monotonic() + seconds)
            else:
                self._flights.pop(key, None)
            while len(self._flights) > self.size:
                oldest = next(iter(self._flights))
                if not self._flights[oldest][0].done():
                    break  # Still in the air: it leaves when it lands.
                del self._flights[oldest]
