"""What is new in the event table, for all who listen, in a few statements however many they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from esap.events.horizon import Horizon
from esap.jobs.models import Event, Job

__all__ = ["MOST_READ", "Cursors", "JobsOf", "Reader", "Reading", "Told", "Topic"]

MOST_READ = 64
# Two parameters each; SQLite takes 32,766 in a statement, PostgreSQL 65,535.
MOST_TOPICS_PER_QUERY = 10_000

_OF_EVERY_KIND = ("phase", "progress", "result", "problem", "message")
"""Whoever listens to all jobs hears these; what a kind tells besides, such as rows, may be much."""


@dataclass(frozen=True, slots=True)
class JobsOf:
    """All jobs of one user, whose primary key this is."""

    owner: Any


Topic = UUID | JobsOf
"""What is listened to: a job, or all jobs of a user."""

Cursors = Mapping[Topic, int | None]
"""From which event on each topic is to be told; None is from now on."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event on its way to listeners; `data` is JSON."""

    id: int
    topic: Topic
    name: str
    data: str


@dataclass(slots=True)
class Reading:
    """What was found: not necessarily all there is (`more`).

    `reached` is up to which event a topic is told with that, for all jobs of a user: other users'
    events need not be looked at again. At most it is the `horizon`.
    """

    events: list[Told] = field(default_factory=list)
    reached: dict[Topic, int] = field(default_factory=dict)
    horizon: int = 0
    more: bool = False


class Reader:
    """Reads the events of some topics, each from its own point on. For one thread.

    A point for each job and not one for all: ids of different jobs may become visible out of order.
    For all jobs of a user one number must do, which he comes back with; so these are told only up
    to the `Horizon`, behind which nothing more becomes visible.
    """

    def __init__(self) -> None:
        self._horizon = Horizon()

    def __call__(self, cursors: Cursors) -> Reading:
        """Return what is new."""
        jobs = {topic: after for topic, after in cursors.items() if isinstance(topic, UUID)}
        users = {topic: after for topic, after in cursors.items() if isinstance(topic, JobsOf)}
        found = Reading()
        for some in _batches(jobs):
            events = _of_jobs(some)
            found.events += events
            found.more |= len(events) == MOST_READ
        if users and (horizon := self._horizon.look()) is not None:
            found.horizon = horizon
            found.reached = dict.fromkeys(users, horizon)
            behind = {
                topic: after
                for topic, after in users.items()
                if after is not None and after < horizon
            }
            for some in _batches(behind):
                events = _of_users(some, horizon)
                found.events += events
                if len(events) == MOST_READ:
                    found.more = True
                    found.reached |= {topic: events[-1].id for topic, _ in some}
        return found


def _batches(cursors: Mapping[Any, Any]) -> Iterator[list[tuple[Any, Any]]]:
    rest = iter(cursors.items())
    while some := list(islice(rest, MOST_TOPICS_PER_QUERY)):
        yield some


def _of_jobs(cursors: Sequence[tuple[UUID, int]]) -> list[Told]:
    """Written as SQL: for 500 jobs the ORM takes some fifteen times the CPU to phrase it."""
    key = Job._meta.pk  # noqa: SLF001 - public in all but name: Django documents Model._meta
    heard, params = _values(key, cursors)
    sql = f"""
        WITH heard (job_id, cursor) AS (VALUES {heard})
        SELECT event.id, event.job_id, event.name, CAST(event.data AS text)
        FROM heard JOIN {_table(Event)} AS event
        ON event.job_id = heard.job_id AND event.id > heard.cursor
        ORDER BY event.id LIMIT {MOST_READ}
    """  # noqa: S608 - only names and placeholders are put in
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [Told(row[0], key.to_python(row[1]), *row[2:]) for row in cursor.fetchall()]


def _of_users(cursors: Sequence[tuple[JobsOf, int]], horizon: int) -> list[Told]:
    """Look only at what came after the first point: for all who are up to date, very little."""
    key = Job._meta.get_field("owner").target_field  # noqa: SLF001 - as above
    heard, params = _values(key, [(topic.owner, after) for topic, after in cursors])
    first = min(after for _, after in cursors)
    sql = f"""
        WITH heard (owner_id, cursor) AS (VALUES {heard})
        SELECT event.id, job.owner_id, event.name, CAST(event.data AS text),
               job.id, job.kind, job.parent_id
        FROM {_table(Event)} AS event
        JOIN {_table(Job)} AS job ON job.id = event.job_id
        JOIN heard ON heard.owner_id = job.owner_id
        WHERE event.id > %s AND event.id <= %s AND event.id > heard.cursor
        AND event.name IN ({", ".join(["%s"] * len(_OF_EVERY_KIND))})
        ORDER BY event.id LIMIT {MOST_READ}
    """  # noqa: S608 - only names and placeholders are put in
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, first, horizon, *_OF_EVERY_KIND])
        rows = cursor.fetchall()
    to_id = Job._meta.pk.to_python  # noqa: SLF001 - as above
    return [
        Told(
            number, JobsOf(key.to_python(owner)), name, _about(to_id(job), kind, to_id(whole), data)
        )
        for number, owner, name, data, job, kind, whole in rows
    ]


def _about(job: UUID, kind: str, whole: UUID | None, data: str) -> str:
    """Return the data of an event, with the job that it is of; they are JSON already."""
    about = orjson.dumps({"job": job, "kind": kind, "parent": whole}).decode()
    return f'{about[:-1]},"data":{data}}}'


def _values(key: Any, cursors: Sequence[tuple[Any, int]]) -> tuple[str, list[Any]]:
    """Return the rows of a VALUES, typed by this column, and what is to be put in."""
    rows = ", ".join([f"(CAST(%s AS {key.db_type(connection)}), %s)"] * len(cursors))
    return rows, [
        value
        for about, after in cursors
        for value in (key.get_db_prep_value(about, connection), after)
    ]


def _table(model: type[Event | Job]) -> str:
    return connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - as above
