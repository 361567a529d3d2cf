"""Writes that outlast a restart of the database, where there is time to wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection

__all__ = ["DATABASE_AWAY", "patient", "patiently"]

logger = structlog.get_logger(__name__)

DATABASE_AWAY = (OperationalError, InterfaceError)
"""What is raised when the database is restarting, locked for too long, or out of reach."""

_PAUSE_SECONDS = 0.5
_seconds: ContextVar[float] = ContextVar("patience", default=0.0)

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def patiently(seconds: float) -> Iterator[None]:
    """Let the changes made in this block wait so long for a database that is away.

    For workers; a request should rather say at once that the gateway is not ready.
    """
    token = _seconds.set(seconds)
    try:
        yield
    finally:
        _seconds.reset(token)


def patient(function: Callable[P, R]) -> Callable[P, R]:
    """Try a transaction again while the database is away, as long as `patiently` says.

    When the connection broke at COMMIT, nobody knows whether the database heard it. So the
    transaction has to be one that a second time refuses or does no harm.
    """

    @wraps(function)
    def trying(*args: P.args, **kwargs: P.kwargs) -> R:
        ends = time.monotonic() + _seconds.get()
        while True:
            try:
                return function(*args, **kwargs)
            except DATABASE_AWAY as trouble:
                # Only the outermost transaction can be tried again.
                if connection.in_atomic_block or time.monotonic() >= ends:
                    raise
                logger.warning("the database is away", because=str(trouble))
                connection.close()
                time.sleep(_PAUSE_SECONDS)

    return trying
