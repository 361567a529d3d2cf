"""Kinds of jobs for tests."""

from pydantic import BaseModel, ConfigDict

from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.moves import Result

TABLE = Result("stars", "text/csv", "/results/stars.csv", 12)


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: int


calls: list[str] = []


def work(job: Job) -> list[Result]:
    calls.append(str(job.pk))
    return [TABLE]


KINDS = {
    "test.work": JobKind("test.work", work),
    "test.wish": JobKind("test.wish", work, parameters=Wish),
}
