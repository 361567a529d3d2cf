"""Ask many archives at once, and pass on what each says as it says it.

Every errand runs in a thread of its own, under its own deadline, inside the scope of the whole
search: an archive that hangs ends alone at its deadline, and a caller who leaves ends them all.
"""

import contextvars
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Literal

import pyarrow as pa
import structlog

from esap.backends.deadline import Scope, within
from esap.errors import (
    BackendFailed,
    BackendRefused,
    BackendTimedOut,
    Cancelled,
    EsapError,
    ForbiddenAddress,
    InvalidRequest,
    QueryRejected,
)
from esap.tables.stream import TableStream
from query.planning import Errand

__all__ = ["Columns", "Event", "Outcome", "Rows", "Status", "federate"]

logger = structlog.get_logger(__name__)

Status = Literal["ok", "empty", "overflow", "timeout", "refused", "error", "cancelled"]
_THREADS = 512
_WAITING_BATCHES = 128
_LOOK_UP_SECONDS = 0.25


@dataclass(frozen=True)
class Columns:
    """A dataset has begun to answer: these are its columns, with their VO metadata."""

    errand: int
    archive: str
    dataset: str
    schema: pa.Schema


@dataclass(frozen=True)
class Rows:
    """Rows of a dataset, as they came."""

    errand: int
    archive: str
    dataset: str
    batch: pa.RecordBatch


@dataclass(frozen=True)
class Outcome:
    """How an errand ended: told for every dataset, whatever happened.

    `elapsed` is in seconds. `query` is what was sent, in `language` and by `protocol`, so that it
    can be repeated at `url`. `title` is the archive's; `started` and `ended` are in ISO 8601.
    """

    errand: int
    archive: str
    dataset: str
    status: Status
    detail: str
    rows: int
    elapsed: float
    query: str
    url: str
    slug: str = ""
    retryable: bool = False
    title: str = ""
    protocol: str = ""
    language: str = ""
    started: str = ""
    ended: str = ""


Event = Columns | Rows | Outcome


def federate(
    errands: list[Errand],
    *,
    timeout: float,
    scope: Scope,
    unwanted: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Run all errands at once and yield what happens, in the order it happens.

    `timeout` is each errand's own deadline in seconds. `unwanted` is asked a few times a second;
    when it says so, or when this iterator is closed, every open call is cut off at once.
    """
    happened: queue.Queue[Event] = queue.Queue(_WAITING_BATCHES)
    for number, errand in enumerate(errands):
        context = contextvars.copy_context()
        _pool().submit(context.run, _run, number, errand, timeout, scope, happened)
    left = len(errands)
    try:
        while left:
            try:
                event = happened.get(timeout=_LOOK_UP_SECONDS)
            except queue.Empty:
                if unwanted():
                    return
                continue
            left -= isinstance(event, Outcome)
            yield event
    finally:
        if left:
            scope.cancel()


@cache
def _pool() -> ThreadPoolExecutor:
    """Return the threads of all searches of this process; made after the server has forked."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="errand")


def _run(
    number: int, errand: Errand, timeout: float, scope: Scope, happened: "queue.Queue[Event]"
) -> None:
    """Carry out one errand and tell how it ended, whatever happens."""
    began, started = time.monotonic(), _now()
    rows = 0
    status: Status = "empty"
    error: EsapError | None = None
    try:
        with within(timeout, parent=scope), closing(_open(errand)) as table:
            _tell(happened, scope, Columns(number, *errand.names, table.schema))
            for batch in table:
                rows += batch.num_rows
                _tell(happened, scope, Rows(number, *errand.names, batch))
            status = "overflow" if table.overflow else "ok" if rows else "empty"
    except EsapError as problem:
        status, error = _status_of(problem), problem
    except Exception:  # the border of the thread: a bug ends its errand, never the others'
        logger.exception("errand hit a bug", archive=errand.names[0], dataset=errand.names[1])
        error = EsapError("The gateway made a mistake with this archive's answer.")
        status = "error"
    outcome = Outcome(
        errand=number,
        archive=errand.names[0],
        dataset=errand.names[1],
        status=status,
        detail=error.detail if error else _sentence(status, rows, errand),
        rows=rows,
        elapsed=round(time.monotonic() - began, 3),
        query=errand.query.text if errand.query else "",
        url=errand.archive.config.base_url,
        slug=error.slug if error else "",
        retryable=bool(error and error.retryable),
        title=errand.archive.config.title,
        protocol=errand.archive.protocol,
        language=errand.query.language if errand.query else "",
        started=started,
        ended=_now(),
    )
    _tell(happened, scope, outcome)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _open(errand: Errand) -> TableStream:
    if errand.query is None:
        raise errand.refusal or InvalidRequest("This cannot be asked here.")
    return errand.archive.run(errand.query)


def _tell(happened: "queue.Queue[Event]", scope: Scope, event: Event) -> None:
    """Hand an event over; when nobody takes any more, let it go."""
    while not scope.cancelled:
        try:
            happened.put(event, timeout=_LOOK_UP_SECONDS)
        except queue.Full:
            continue
        return
    if not isinstance(event, Outcome):
        scope.check()


def _status_of(problem: EsapError) -> Status:
    match problem:
        case Cancelled():
            return "cancelled"
        case BackendTimedOut():
            return "timeout"
        case InvalidRequest() | QueryRejected() | BackendRefused() | ForbiddenAddress():
            return "refused"
        case BackendFailed() | _:
            return "error"


def _sentence(status: str, count: int, errand: Errand) -> str:
    title = errand.archive.config.title
    if status == "empty":
        return f"{title} has nothing that fits."
    if status == "overflow":
        return f"{title} has more than these {count} rows; raise the limit, or ask for less sky."
    return f"{title} answered with {count} row{'s' * (count != 1)}."
