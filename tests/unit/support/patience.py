"""Waiting for what other processes do."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_for(condition: Callable[[], object], within: float = 10) -> None:
    """Return as soon as the condition holds; fail when the time is over."""
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.02)


@contextmanager
def child(*command, **options) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside the test, and kill it when the test is done with it."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()
