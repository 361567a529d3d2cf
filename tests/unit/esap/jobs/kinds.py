"""Kinds of jobs for tests, and the peer at which some of them run."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from esap.errors import EsapError
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job, Phase
from esap.jobs.moves import Result
from esap.jobs.remote import Follower, Standing, State

TABLE = Result("stars", "text/csv", "/results/stars.csv", 12)


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: int


calls: list[str] = []


def work(job: Job) -> list[Result]:
    calls.append(str(job.pk))
    return [TABLE]


class Cluster(Follower):
    """A peer in memory: it holds what was submitted, and stands as a test says."""

    name = "cluster"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.marks: dict[str, str] = {}
        self.states: dict[str, Standing] = {}
        self.submitting: EsapError | None = None
        self.asking: EsapError | None = None
        self.stopping: dict[str, EsapError] = {}
        self.asked: list[list[str]] = []
        self.together: list[list[str]] = []
        self.refused: dict[str, EsapError] = {}
        self.stopped: list[str] = []

    def submit(self, job: Job) -> str:
        if self.submitting is not None:
            raise self.submitting
        return self.take(job.mark)

    def submit_many(self, jobs: Sequence[Job]) -> dict[UUID, str | EsapError]:
        self.together.append([job.mark for job in jobs])
        if self.submitting is not None:
            raise self.submitting
        return {job.pk: self.refused.get(job.mark) or self.take(job.mark) for job in jobs}

    def take(self, mark: str) -> str:
        remote_id = f"r{len(self.marks) + 1}"
        self.marks[remote_id] = mark
        self.states[remote_id] = State(phase=Phase.QUEUED)
        return remote_id

    def follow(self, peer: str, jobs: Sequence[Job]) -> Mapping[str, Standing]:
        self.asked.append([job.remote_id for job in jobs])
        if self.asking is not None:
            raise self.asking
        return {job.remote_id: self.states[job.remote_id] for job in jobs if self.knows(job)}

    def knows(self, job: Job) -> bool:
        return job.remote_id in self.states

    def find(self, job: Job) -> str | None:
        if self.asking is not None:
            raise self.asking
        return next((found for found, mark in self.marks.items() if mark == job.mark), None)

    def cancel(self, peer: str, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.remote_id in self.stopping:
                raise self.stopping[job.remote_id]
        self.stopped += [job.remote_id for job in jobs]


cluster = Cluster()

KINDS = {
    "test.work": JobKind("test.work", work),
    "test.wish": JobKind("test.wish", work, parameters=Wish),
    "test.again": JobKind("test.again", work, repeatable=True, max_attempts=3),
    "test.remote": JobKind("test.remote", submit=cluster.submit, follower=cluster),
    "test.many": JobKind(
        "test.many",
        submit=cluster.submit,
        submit_many=cluster.submit_many,
        most_at_once=3,
        follower=cluster,
    ),
    "test.parts": JobKind("test.parts"),
}
