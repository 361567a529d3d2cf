"""`python -m esap.clock`: what is to be done again and again, in threads of one process.

It does what `CELERY_BEAT_SCHEDULE` says, and needs no broker for it: jobs have to be looked after
most of all when the broker is away, or when all workers are busy.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from esap.celery import app

__all__ = ["ALIVE", "Clock", "Periodic", "scheduled"]

logger = structlog.get_logger(__name__)

ALIVE = "clock-alive"
"""A file in the data folder, touched as long as the clock goes and nothing in it hangs."""

_TICK_SECONDS = 0.25
_SOON = 60.0
_GRACE_SECONDS = 3.0
_HANGS_SECONDS = 600.0


@dataclass(slots=True)
class Periodic:
    """Something to be done every so many seconds, but never twice at the same time."""

    name: str
    seconds: float
    do: Callable[[], object]
    due: float = 0.0
    began: float = 0.0
    running: Future[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.running is not None and not self.running.done()

    def hangs(self, now: float) -> bool:
        """Say whether it runs longer than it ever should: ten minutes, or until it is due again."""
        return self.is_running and now - self.began > max(_HANGS_SECONDS, self.seconds)


class Clock:
    """Starts each thing when it is due, in a thread.

    What is done at least every minute is done at once; all else a minute after the start.
    """

    def __init__(self, work: list[Periodic], alive: Path) -> None:
        self._work = work
        self._alive = alive
        self._pool = ThreadPoolExecutor(max(1, len(work)), thread_name_prefix="clock")
        for one in work:
            one.due = time.monotonic() + (0.0 if one.seconds <= _SOON else _SOON)

    def run(self, stopped: threading.Event) -> None:
        """Go on until told to stop; then start nothing more, and give the rest three seconds."""
        while not stopped.wait(_TICK_SECONDS):
            self.tick()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait([one.running for one in self._work if one.running], timeout=_GRACE_SECONDS)

    def tick(self) -> None:
        """Start what is due. What still runs is left alone, and is done again when it has ended."""
        now = time.monotonic()
        for one in self._work:
            if now >= one.due and not one.is_running:
                one.due, one.began = now + one.seconds, now
                one.running = self._pool.submit(_done, one)
        if not any(one.hangs(now) for one in self._work):
            # On a full disk no sign is given, but jobs are looked after.
            with suppress(OSError):
                self._alive.touch()


def scheduled(schedule: Mapping[str, Mapping[str, Any]]) -> list[Periodic]:
    """Return what Celery's schedule names, to be done here instead of sent to a worker."""
    app.loader.import_default_modules()
    return [
        Periodic(name, float(entry["schedule"]), app.tasks[entry["task"]])
        for name, entry in schedule.items()
    ]


def _done(one: Periodic) -> None:
    close_old_connections()
    try:
        one.do()
    except DatabaseError as trouble:
        logger.warning("not done this time", what=one.name, because=str(trouble))
        connection.close()
    except Exception:  # the border of the clock: one bug must not stop all else
        logger.exception("periodic work hit a bug", what=one.name)
        connection.close()


def main() -> None:
    """Go on until SIGTERM or SIGINT."""
    django.setup()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    Clock(scheduled(settings.CELERY_BEAT_SCHEDULE), settings.DATA_DIR / ALIVE).run(stopped)
    # Whatever still runs then can be cut off: leases end by themselves, and so do transactions.
    os._exit(0)


if __name__ == "__main__":
    main()
