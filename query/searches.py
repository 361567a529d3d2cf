"""A search: a question on its way to the archives, under a job's id."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from esap.backends.deadline import within
from esap.errors import WrongPhase
from esap.jobs import services as jobs
from esap.jobs.models import Job
from query.federation import Event, Outcome, federate
from query.planning import Errand, plan
from query.questions import Question, ask, said_in

__all__ = ["KIND", "ROWS_MAX", "Search", "outcome_data"]

KIND = "query.search"
ROWS_MAX = 10_000
"""Most rows of one dataset that a search may pass on through the events of its job."""


class Search:
    """One question, asked of many archives once.

    `outcomes` fills while the events are read: one for every dataset, in the end.
    """

    def __init__(self, job: Job, question: Question, errands: list[Errand]) -> None:
        self.job = job
        self.question = question
        self.errands = errands
        self.outcomes: list[Outcome] = []
        self._began = time.monotonic()
        self._closed = False

    @classmethod
    def open(cls, asked: Mapping[str, object], owner: Any = None) -> "Search":
        """Understand the question, plan it, and record it; nothing is asked of any archive yet.

        Raises `InvalidRequest` or `NotFound` for a question that cannot be asked at all.
        """
        question = ask(asked, owner)
        errands = plan(question, owner)
        return cls(jobs.begin(KIND, said_in(asked), owner), question, errands)

    @classmethod
    def resume(cls, job: Job) -> "Search":
        """Return the search of a job that a worker carries out, on behalf of its owner."""
        question = ask(job.parameters, job.owner)
        return cls(job, question, plan(question, job.owner))

    @property
    def id(self) -> UUID:
        """The id of the search, which is that of its job."""
        return self.job.pk

    @property
    def elapsed(self) -> float:
        """Seconds since the search was opened."""
        return round(time.monotonic() - self._began, 3)

    def ask_all(self, unwanted: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Ask all archives at once and yield what happens, in the order it happens."""
        with within(None) as scope:
            for event in federate(
                self.errands, timeout=self.question.timeout, scope=scope, unwanted=unwanted
            ):
                if isinstance(event, Outcome):
                    self.outcomes.append(event)
                yield event

    def run(self, unwanted: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Ask all archives as `ask_all` does, and record in the job how it ended.

        Whoever may stop before the end calls `close`: a generator never begun has no end.
        """
        try:
            yield from self.ask_all(unwanted)
        finally:
            self.close()

    def answered(self) -> bool:
        """Whether every dataset has said how it ended."""
        return len(self.outcomes) == len(self.errands)

    def summary(self) -> dict[str, Any]:
        """Return what happened at each archive, as the caller sees it: data, never a failure.

        `archives` has every dataset's outcome in the order of the plan, `problems` those that
        failed, with the slug that says why.
        """
        ordered = sorted(self.outcomes, key=lambda outcome: outcome.errand)
        return {
            "search": str(self.id),
            "resolved": asdict(self.question.place) if self.question.place else None,
            "rows_total": sum(outcome.rows for outcome in ordered),
            "elapsed": self.elapsed,
            "archives": [outcome_data(outcome) for outcome in ordered],
            "problems": [problem_of(outcome) for outcome in ordered if outcome.slug],
        }

    def close(self) -> None:
        """Write the outcomes into the job, and end it; once, however often this is called."""
        if self._closed:
            return
        self._closed = True
        happened = [("archive", outcome_data(outcome)) for outcome in self.outcomes]
        try:
            if not self.answered():
                jobs.abort(self.job, happened=happened)
            else:
                # What failed at archives is in the answer; the search itself has been carried out.
                jobs.complete(self.job, happened=happened)
        except WrongPhase:
            pass  # It was aborted meanwhile, and stays so.


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as the caller sees it."""
    data = asdict(outcome)
    del data["errand"]
    return data


def problem_of(outcome: Outcome) -> dict[str, Any]:
    """Return what went wrong at an archive, in the members that a `problems` list has."""
    return {
        "archive": outcome.archive,
        "dataset": outcome.dataset,
        "slug": outcome.slug,
        "detail": outcome.detail,
        "retryable": outcome.retryable,
    }
