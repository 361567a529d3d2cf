"""Kinds of jobs that leave a line in a file when they begin and when they end.

So a test sees every execution, also one of which nothing is left in the database.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings

from esap.backends.deadline import current_scope
from esap.errors import BackendUnavailable
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job, Phase
from esap.jobs.remote import Follower, Standing, State

TICK = 0.05


def trace(job: Job, what: str) -> None:
    """Add a line; the kernel appends lines of several processes one after another."""
    with (Path(settings.TRACES) / "executions").open("a") as file:
        file.write(f"{what} {job.pk} {os.getpid()}\n")


def work(job: Job) -> None:
    """Work as long as asked, in small steps, as work that calls peers does."""
    trace(job, "begin")
    scope = current_scope()
    assert scope is not None
    for _ in range(round(float(str(job.parameters["seconds"])) / TICK)):
        scope.sleep(TICK)
    trace(job, "end")


class Shelf(Follower):
    """A peer that is a folder: each job is a file named by its mark, with its phase in it."""

    name = "shelf"
    fastest = 0.2
    slowest = 1.0
    settles = 2.0

    def submit(self, job: Job) -> str:
        self._reach()
        folder = Path(settings.TRACES)
        with (folder / "submissions").open("a") as file:
            file.write(f"{job.mark}\n")
        (folder / f"job-{job.mark}").write_text(Phase.QUEUED)
        # The peer has it, and its answer is on the way.
        scope = current_scope()
        assert scope is not None
        scope.sleep(float(str(job.parameters.get("seconds", 0))))
        return f"job-{job.mark}"

    def follow(self, peer: str, jobs: Sequence[Job]) -> Mapping[str, Standing]:
        self._reach()
        files = {job.remote_id: Path(settings.TRACES) / job.remote_id for job in jobs}
        return {
            remote_id: State(phase=Phase(file.read_text()))
            for remote_id, file in files.items()
            if file.exists()
        }

    def find(self, job: Job) -> str | None:
        self._reach()
        remote_id = f"job-{job.mark}"
        return remote_id if (Path(settings.TRACES) / remote_id).exists() else None

    def cancel(self, peer: str, jobs: Sequence[Job]) -> None:
        self._reach()
        for job in jobs:
            (Path(settings.TRACES) / job.remote_id).write_text(Phase.ABORTED)

    def _reach(self) -> None:
        if (Path(settings.TRACES) / "away").exists():
            raise BackendUnavailable("The shelf is locked.")


shelf = Shelf()

KINDS = {
    "kill.again": JobKind("kill.again", work, repeatable=True, max_attempts=20),
    "kill.once": JobKind("kill.once", work),
    "kill.remote": JobKind("kill.remote", submit=shelf.submit, follower=shelf),
    "kill.parts": JobKind("kill.parts"),
}
