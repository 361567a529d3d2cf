"""A search: a question on its way to the archives, under a job's id."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any
from uuid import UUID

from django.conf import settings

from esap.backends.deadline import current_scope, within
from esap.errors import WrongPhase
from esap.jobs import services as jobs
from esap.jobs.models import Event as JobEvent
from esap.jobs.models import Job
from query.continuing import ADVICE, go_on
from query.federation import Event, Outcome, federate
from query.planning import Errand, plan
from query.questions import Question, ask, said_in

__all__ = [
    "KIND",
    "ROWS_MAX",
    "Search",
    "Told",
    "failed_somewhere",
    "longest_in_the_background",
    "outcome_data",
    "outcomes_of",
    "problem_of",
    "told_of",
]

KIND = "query.search"
ROWS_MAX = 10_000
"""Most rows of one dataset that a search may pass on through the events of its job."""


class Search:
    """One question, asked of many archives once.

    `outcomes` fills while the events are read: one for every dataset, in the end. Of those it has
    from the beginning, because they answered before, nobody is asked again. One that `goes_on`
    leaves archives that are too slow to a worker, if it has an owner; `continued` says so.
    """

    def __init__(
        self,
        job: Job,
        question: Question,
        errands: list[Errand],
        answered: Iterable[Outcome] = (),
        *,
        goes_on: bool = False,
    ) -> None:
        self.job = job
        self.question = question
        self.errands = errands
        self.outcomes = list(answered)
        done = {outcome.errand for outcome in self.outcomes}
        self._asked = [number for number in range(len(errands)) if number not in done]
        self.continued: dict[str, Any] | None = None
        self._goes_on = goes_on
        self._began = time.monotonic()
        self._closed = False

    @classmethod
    def open(
        cls, asked: Mapping[str, object], owner: Any = None, *, goes_on: bool = False
    ) -> "Search":
        """Understand the question, plan it, and record it; nothing is asked of any archive yet.

        Raises `InvalidRequest` or `NotFound` for a question that cannot be asked at all.
        """
        question = ask(asked, owner)
        errands = plan(question, owner)
        job = jobs.begin(KIND, said_in(asked), owner)
        return cls(job, question, errands, goes_on=goes_on)

    @classmethod
    def resume(cls, job: Job) -> "Search":
        """Return the search of a job that a worker carries out, perhaps not for the first time.

        It acts for the job's owner. What a dataset answered before stands; those that failed, or
        were not done, are asked.
        """
        question = ask(job.parameters, job.owner, longest=longest_in_the_background())
        errands = plan(question, job.owner)
        before = {(o["archive"], o["dataset"]): o for o in outcomes_of(job)}
        answered = [
            _outcome_again(number, before[errand.names])
            for number, errand in enumerate(errands)
            if errand.names in before and not before[errand.names]["slug"]
        ]
        return cls(job, question, errands, answered)

    @property
    def id(self) -> UUID:
        """The id of the search, which is that of its job."""
        return self.job.pk

    @property
    def elapsed(self) -> float:
        """Seconds since the search was opened."""
        return round(time.monotonic() - self._began, 3)

    def ask_all(self, unwanted: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Ask all archives at once and yield what happens, in the order it happens.

        Raises `Cancelled` or `BackendTimedOut` when the scope around it ends first.
        """
        errands = [self.errands[number] for number in self._asked]
        around = current_scope()
        with within(None) as scope:
            for told in federate(
                errands,
                timeout=self.question.timeout,
                scope=scope,
                unwanted=lambda: unwanted() or scope.cancelled or scope.over,
            ):
                event = replace(told, errand=self._asked[told.errand])
                if isinstance(event, Outcome):
                    event = self._advised(event)
                    self.outcomes.append(event)
                yield event
        if around is not None:
            around.check()

    def run(self, unwanted: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Ask all archives as `ask_all` does, and record in the job how it ended.

        Whoever may stop before the end calls `close`: a generator never begun has no end.
        """
        try:
            yield from self.ask_all(unwanted)
            if self._goes_on and self.job.owner_id is not None and self.answered():
                self.continued = go_on(self.job, self.outcomes)
        finally:
            self.close()

    def answered(self) -> bool:
        """Whether every dataset has said how it ended."""
        return len(self.outcomes) == len(self.errands)

    def beginning(self) -> dict[str, Any]:
        """Return what is asked, and of whom, by which version of the gateway."""
        cone = self.question.cone
        return {
            "search": str(self.id),
            "version": settings.VERSION,
            "cone": {"ra": cone.ra, "dec": cone.dec, "radius": cone.radius} if cone else None,
            "resolved": self._resolved(),
            "limit": self.question.limit,
            "timeout": self.question.timeout,
            "asked": [
                {"archive": archive, "dataset": dataset}
                for archive, dataset in (self.errands[number].names for number in self._asked)
            ],
        }

    def summary(self) -> dict[str, Any]:
        """Return what happened at each archive, as the caller sees it: data, never a failure.

        `archives` has every dataset's outcome in the order of the plan, `problems` those that
        failed, with the slug that says why; `continued` is what a worker goes on with.
        """
        ordered = sorted(self.outcomes, key=lambda outcome: outcome.errand)
        return {
            "search": str(self.id),
            "resolved": self._resolved(),
            "rows_total": sum(outcome.rows for outcome in ordered),
            "elapsed": self.elapsed,
            "archives": [outcome_data(outcome) for outcome in ordered],
            "problems": [problem_of(outcome) for outcome in ordered if outcome.slug],
            "continued": self.continued,
        }

    def close(self) -> None:
        """Write the outcomes into the job, and end it; once, however often this is called."""
        if self._closed:
            return
        self._closed = True
        happened = [
            ("search", self.beginning()),
            *(("archive", outcome_data(outcome)) for outcome in self.outcomes),
            *([("continued", self.continued)] if self.continued else []),
        ]
        try:
            if not self.answered():
                jobs.abort(self.job, happened=happened)
            else:
                # What failed at archives is in the answer; the search itself has been carried out.
                jobs.complete(self.job, happened=happened)
        except WrongPhase:
            pass  # It was aborted meanwhile, and stays so.

    def _advised(self, outcome: Outcome) -> Outcome:
        """Return an outcome with what somebody without a login might do about it."""
        if self._goes_on and self.job.owner_id is None and outcome.status == "timeout":
            return replace(outcome, detail=f"{outcome.detail} {ADVICE}")
        return outcome

    def _resolved(self) -> dict[str, Any] | None:
        return asdict(self.question.place) if self.question.place else None


def longest_in_the_background() -> float:
    """Return the most seconds that each archive may have in a search that a worker carries out."""
    return float(max(settings.SEARCH_TIMEOUT_MAX, settings.SEARCH_JOB_TIMEOUT))


@dataclass
class Told:
    """What is known of a search: how each dataset answered, and what goes on of it elsewhere."""

    outcomes: list[dict[str, Any]]
    continued: dict[str, Any] | None = None


def told_of(*searches: Job) -> dict[UUID, Told]:
    """Return what is known of each of these searches.

    Of a dataset that was asked again, the last answer, in the place of the first.
    """
    found: dict[UUID, dict[tuple[str, str], dict[str, Any]]] = {job.pk: {} for job in searches}
    continued: dict[UUID, dict[str, Any]] = {}
    told = JobEvent.objects.filter(job__in=searches, name__in=["archive", "continued"])
    for job_id, name, data in told.order_by("id").values_list("job_id", "name", "data"):
        if name == "continued":
            continued[job_id] = data
        else:
            found[job_id][data["archive"], data["dataset"]] = data
    return {
        job_id: Told(list(outcomes.values()), continued.get(job_id))
        for job_id, outcomes in found.items()
    }


def outcomes_of(job: Job) -> list[dict[str, Any]]:
    """Return how each dataset answered a search, as far as it is known."""
    return told_of(job)[job.pk].outcomes


def failed_somewhere(job: Job) -> bool:
    """Whether an archive failed in a search that was carried out, so that it may be retried."""
    return any(outcome["slug"] for outcome in outcomes_of(job))


def _outcome_again(number: int, told: Mapping[str, Any]) -> Outcome:
    """Return an outcome as it was before it was told."""
    known = {field.name for field in fields(Outcome)}
    return Outcome(errand=number, **{key: value for key, value in told.items() if key in known})


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
