"""What a room says of its jobs at peers: how they are followed, and how they stand."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from esap.errors import EsapError
from esap.jobs.models import Job, Phase
from esap.jobs.moves import Result

__all__ = ["Follower", "Standing", "State"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a job stands at its peer.

    `phase` is one that a job at a peer may have: QUEUED, EXECUTING, HELD, SUSPENDED, COMPLETED,
    ERROR, ABORTED or UNKNOWN. `waits_for` says why it does not go on. `expected` is when the peer
    expects it to end. `problem` goes with ERROR, `results` with COMPLETED.
    """

    phase: Phase
    fraction: float | None = None
    sentence: str = ""
    waits_for: str = ""
    started: datetime | None = None
    expected: datetime | None = None
    results: Sequence[Result] = ()
    problem: EsapError | None = None


Standing = State | EsapError
"""How a job stands, or why nobody can tell."""


class Follower(ABC):
    """Looks after the jobs of one room at its peers.

    All methods may be called again with the same jobs, and raise errors of `esap.errors`. A
    retryable one (`BackendUnavailable`) means that the peer is away: the jobs wait, and say so.
    """

    name: ClassVar[str]
    """Kept in the database: kinds with the same follower share its polls."""

    fastest: ClassVar[float] = 2.0
    slowest: ClassVar[float] = 60.0
    """Seconds between two looks at a peer: soon after a change, and when nothing happens."""

    settles: ClassVar[float] = 60.0
    """Seconds after which a job that was given to a peer, by a call that broke off, is found there
    if it ever will be."""

    most: ClassVar[int] = 500
    """How many jobs one call of `follow` or `cancel` is given."""

    @abstractmethod
    def follow(self, peer: str, jobs: Sequence[Job]) -> Mapping[str, Standing]:
        """Ask the peer, at best in one request, how these jobs stand; answer by remote id.

        A job that is left out is not known to the peer any more: it becomes UNKNOWN, and fails
        when it stays so. `LoginAgain` and `NotConnected`, as the standing of a job, hold it until
        its user has logged in. If they are raised, each user's jobs are asked for by themselves.
        """

    @abstractmethod
    def find(self, job: Job) -> str | None:
        """Return the remote id of the job that carries `job.mark`, or None if there is none.

        Asked when we began to submit it and do not know whether the peer heard us.
        """

    def find_many(self, jobs: Sequence[Job]) -> Mapping[UUID, str]:
        """Return the remote ids, by the jobs' keys, of those that are there; best in one request.

        Asked of the parts of one job, which are submitted together.
        """
        found = {job.pk: self.find(job) for job in jobs}
        return {key: remote_id for key, remote_id in found.items() if remote_id}

    @abstractmethod
    def cancel(self, peer: str, jobs: Sequence[Job]) -> None:
        """Stop these jobs at the peer; those that it does not know, or that ended, are no error."""
