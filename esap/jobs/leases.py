"""Keep the jobs that this process carries out: prolong their leases, notice when one is lost."""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db import Error as DatabaseTrouble
from django.db import connection

from esap.jobs.models import Job
from esap.jobs.rows import in_seconds

__all__ = ["Keeper", "keeper"]

logger = structlog.get_logger(__name__)

ASK_SECONDS = 1.0


@dataclass(slots=True)
class _Held:
    job: "weakref.ref[Job]"
    lease: UUID
    lost: Callable[[], None]
    prolonged: float


class Keeper:
    """One thread per process, there only while the process has jobs in hand."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: in a forked child, the parent's thread and its jobs do not exist."""
        self._lock = threading.Lock()
        self._held: dict[UUID, _Held] = {}
        self._thread: threading.Thread | None = None

    def keep(self, job: Job, lost: Callable[[], None] = lambda: None) -> None:
        """Keep a job that was claimed or begun, as long as somebody holds this very object.

        `lost` is called, from another thread, once the job is no longer ours: it has ended, was
        aborted, or was given to somebody else because the database did not hear from us.
        """
        if job.lease is None:
            return
        held = _Held(weakref.ref(job), job.lease, lost, time.monotonic())
        with self._lock:
            self._held[job.pk] = held
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()

    def drop(self, job: Job) -> None:
        """Keep a job no longer; `lost` is not called from now on."""
        with self._lock:
            self._held.pop(job.pk, None)

    @contextmanager
    def keeping(self, job: Job, lost: Callable[[], None]) -> Iterator[None]:
        """Keep a job as long as this block lasts."""
        self.keep(job, lost)
        try:
            yield
        finally:
            self.drop(job)

    def _run(self) -> None:
        try:
            while self._anything():
                time.sleep(ASK_SECONDS)
                if self._thread is not threading.current_thread():
                    return  # forgotten while it slept: jobs kept since are not its own
                try:
                    self._look()
                except DatabaseTrouble as trouble:
                    # A database that is busy or restarting says nothing about the jobs: ask again.
                    logger.warning("cannot look after jobs just now", because=str(trouble))
                    connection.close()
                except Exception:
                    # One careless callback must not end the leases of all others.
                    logger.exception("looking after jobs hit a bug")
        finally:
            connection.close()  # this thread's own

    def _anything(self) -> bool:
        with self._lock:
            if self._thread is not threading.current_thread():
                return False  # we were forgotten; jobs kept since have a thread of their own
            self._held = {pk: held for pk, held in self._held.items() if held.job() is not None}
            if not self._held:
                self._thread = None
            return bool(self._held)

    def _look(self) -> None:
        with self._lock:
            held = dict(self._held)
        rows = Job.objects.filter(pk__in=list(held)).values_list("pk", "lease")
        leases = dict(rows)
        for pk, mine in held.items():
            if leases.get(pk) != mine.lease:
                self._lost(pk, mine)
            elif time.monotonic() - mine.prolonged >= settings.JOB_LEASE_SECONDS / 4:
                self._prolong(pk, mine)

    def _prolong(self, pk: UUID, mine: _Held) -> None:
        """Prolong one lease; one by one, because rows locked together can lock one another out."""
        rows = Job.objects.filter(pk=pk, lease=mine.lease)
        if rows.update(due=in_seconds(settings.JOB_LEASE_SECONDS), silent=False):
            mine.prolonged = time.monotonic()
        else:
            self._lost(pk, mine)

    def _lost(self, pk: UUID, mine: _Held) -> None:
        with self._lock:
            if self._held.get(pk) is not mine:
                return
            del self._held[pk]
        mine.lost()


keeper = Keeper()
os.register_at_fork(after_in_child=keeper.reset)
