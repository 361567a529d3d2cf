"""Signs of life of the processes that answer no requests: files, touched again and again.

All processes share the data folder, and a file can be touched when the database and the broker are
away.
"""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery.signals import heartbeat_sent, worker_shutting_down
from django.conf import settings

from esap.clock import ALIVE

__all__ = ["LIVELY_SECONDS", "clock_seen", "workers_seen"]

LIVELY_SECONDS = 30.0
"""A worker that gave no sign for so long counts no more. Celery gives one every two seconds."""

_TOUCH_SECONDS = 5.0
_FORGET_SECONDS = 86_400.0
_last_touched = 0.0
_leaving = False


@heartbeat_sent.connect
def _touch(sender: Any = None, **_kwargs: Any) -> None:
    """Give a sign: this worker lives, and is connected to the broker."""
    global _last_touched  # noqa: PLW0603 - one worker to a process
    now = time.monotonic()
    if now - _last_touched >= _TOUCH_SECONDS and not _leaving:
        _last_touched = now
        _folder().mkdir(parents=True, exist_ok=True)
        _file_of(str(sender.eventer.hostname)).touch()


@worker_shutting_down.connect
def _leave(sender: Any = None, **_kwargs: Any) -> None:
    """Count no more from now on, though Celery's last sign is still to come."""
    global _leaving  # noqa: PLW0603 - one worker to a process
    _leaving = True
    _file_of(str(sender)).unlink(missing_ok=True)


def workers_seen() -> Mapping[str, float]:
    """Return the workers that live, and how many seconds ago each gave a sign."""
    found = {}
    for file in _folder().glob("*"):
        age = _age(file)
        if age is not None and age > _FORGET_SECONDS:
            file.unlink(missing_ok=True)
        elif age is not None and age <= LIVELY_SECONDS:
            found[file.name] = age
    return found


def clock_seen() -> float | None:
    """Return how many seconds ago the clock, which sweeps up, gave a sign; None if it never did."""
    return _age(Path(settings.DATA_DIR) / ALIVE)


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "workers-alive"


def _file_of(name: str) -> Path:
    return _folder() / re.sub(r"[^\w.@-]", "_", name)


def _age(file: Path) -> float | None:
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except FileNotFoundError:
        return None
