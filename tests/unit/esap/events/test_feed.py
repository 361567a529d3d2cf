"""One reader serves all listeners, each from its own point on, none too fast."""

import asyncio
import json
import threading
from contextlib import ExitStack
from uuid import uuid4

import pytest
from django.db import OperationalError

from esap.events import feed as feeds
from esap.events import reading as readings
from esap.events.feed import Feed
from esap.events.reading import MOST_READ, Reader, Reading, Told
from esap.events.sse import event_stream
from esap.jobs.models import Event, Job

JOB, OTHER = uuid4(), uuid4()


def events(job_id, ids, name="rows"):
    return [Told(number, job_id, name, "{}") for number in ids]


class Table:
    """Stands for the event table; counts how often it was read."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.reads = []

    def __call__(self, cursors):
        self.reads.append(dict(cursors))
        found = [row for row in self.rows if row.id > cursors.get(row.topic, 1 << 62)]
        events = sorted(found, key=lambda row: row.id)[:MOST_READ]
        return Reading(events, more=len(events) == MOST_READ)


async def heard(listener, count):
    return [(await asyncio.wait_for(listener.next(), 5)).id for _ in range(count)]


def test_a_listener_hears_its_job_only_in_order_and_what_comes_later():
    table = Table(*events(JOB, [1, 4]), *events(OTHER, [2, 3]))

    async def main():
        feed = Feed(table, seconds=0.01)
        with feed.listen(JOB) as listener:
            first = await heard(listener, 2)
            table.rows += events(JOB, [7])
            return first + await heard(listener, 1)

    assert asyncio.run(main()) == [1, 4, 7]


def test_a_listener_resumes_after_what_it_has_heard_beside_one_who_has_heard_nothing():
    table = Table(*events(JOB, range(1, 6)))

    async def main():
        feed = Feed(table, seconds=0.01)
        with feed.listen(JOB) as new, feed.listen(JOB, after=3) as back:
            return await heard(new, 5), await heard(back, 2)

    assert asyncio.run(main()) == ([1, 2, 3, 4, 5], [4, 5])


def test_an_event_that_becomes_visible_after_a_later_one_of_another_job_is_not_missed():
    table = Table(*events(OTHER, [11]))

    async def main():
        feed = Feed(table, seconds=0.01)
        with feed.listen(JOB) as slow, feed.listen(OTHER) as quick:
            assert await heard(quick, 1) == [11]
            table.rows += events(JOB, [10])
            return await heard(slow, 1)

    assert asyncio.run(main()) == [10]


def test_a_hundred_listeners_cost_one_read_a_cycle():
    table = Table(*events(JOB, [1]))

    async def main():
        feed = Feed(table, seconds=30)
        streams = [event_stream(feed, JOB, after=0) for _ in range(100)]
        for stream in streams:
            assert await anext(stream) == b"retry: 1000\n\n"
        await asyncio.gather(*(anext(stream) for stream in streams))
        for stream in streams:
            await stream.aclose()
        return len(feed)

    assert asyncio.run(main()) == 0
    assert 1 <= len(table.reads) <= 3


def test_a_slow_listener_loses_nothing_and_holds_little():
    table = Table(*events(JOB, range(1, 201)))

    async def main():
        feed = Feed(table, seconds=0.01)
        with feed.listen(JOB) as slow:
            await asyncio.sleep(0.1)
            held = len(slow._waiting)
            return held, await heard(slow, 200)

    held, ids = asyncio.run(main())
    assert held == feeds.MOST_WAITING
    assert ids == list(range(1, 201))


def test_who_comes_while_others_are_read_for_misses_nothing_before():
    comers = []

    async def main():
        def read(cursors):
            if not comers:
                comers.append(None)
                loop.call_soon_threadsafe(come)
                assert came.wait(5)
            return table(cursors)

        def come():
            comers[0] = contexts.enter_context(feed.listen(JOB))
            came.set()

        loop = asyncio.get_running_loop()
        feed = Feed(read, seconds=0.01)
        with ExitStack() as contexts, feed.listen(JOB, after=3) as first:
            assert await heard(first, 1) == [4]
            return await heard(comers[0], 4)

    table = Table(*events(JOB, range(1, 5)))
    came = threading.Event()

    assert asyncio.run(main()) == [1, 2, 3, 4]


def test_a_listener_that_was_held_back_is_read_for_at_once():
    table = Table(*events(JOB, range(1, 41)))

    async def main():
        feed = Feed(table, seconds=30)
        with feed.listen(JOB) as slow:
            return await heard(slow, 40)

    assert asyncio.run(main()) == list(range(1, 41))


def test_nothing_is_read_when_nobody_listens():
    table = Table()

    async def main():
        feed = Feed(table, seconds=0.01)
        with feed.listen(JOB):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        reads = len(table.reads)
        await asyncio.sleep(0.05)
        return reads

    assert asyncio.run(main()) == len(table.reads)


@pytest.mark.django_db
def test_a_database_that_is_away_for_a_moment_ends_no_stream():
    table = Table(*events(JOB, [1]))
    trouble = [OperationalError("restarting")] * 3

    def read(cursors):
        if trouble:
            raise trouble.pop()
        return table(cursors)

    async def main():
        feed = Feed(read, seconds=0.01)
        with feed.listen(JOB) as listener:
            return await heard(listener, 1)

    assert asyncio.run(main()) == [1]


def test_after_a_bug_listeners_are_sent_away_and_the_next_one_is_served():
    broken = [KeyError("a bug")]
    table = Table(*events(JOB, [1]))

    def read(cursors):
        if broken:
            raise broken.pop()
        return table(cursors)

    async def main():
        feed = Feed(read, seconds=0.01)
        told = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        with feed.listen(JOB) as unlucky:
            assert await asyncio.wait_for(unlucky.next(), 5) is None
        with feed.listen(JOB) as next_one:
            return await heard(next_one, 1)

    assert asyncio.run(main()) == [1]


def test_silence_is_filled_with_heartbeats():
    async def main():
        stream = event_stream(Feed(Table(), seconds=0.01), JOB, after=0, heartbeat=0.05)
        said = [await anext(stream) for _ in range(3)]
        await stream.aclose()
        return said

    assert asyncio.run(main()) == [b"retry: 1000\n\n", b":\n\n", b":\n\n"]


def test_a_stream_ends_with_the_phase_that_ends_the_job():
    table = Table(
        Told(1, JOB, "phase", '{"phase": "EXECUTING"}'),
        Told(2, JOB, "rows", "[[1, null]]"),
        Told(3, JOB, "phase", '{"phase": "COMPLETED"}'),
        Told(4, JOB, "rows", "never"),
    )

    async def main():
        feed = Feed(table, seconds=0.01)
        async with asyncio.timeout(5):
            return [part async for part in event_stream(feed, JOB, after=0)], len(feed)

    said, listeners = asyncio.run(main())
    assert said[1:] == [
        b'id: 1\nevent: phase\ndata: {"phase": "EXECUTING"}\n\n',
        b"id: 2\nevent: rows\ndata: [[1, null]]\n\n",
        b'id: 3\nevent: phase\ndata: {"phase": "COMPLETED"}\n\n',
    ]
    assert listeners == 0


@pytest.mark.django_db
def test_many_jobs_are_read_in_few_statements(django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(readings, "MOST_TOPICS_PER_QUERY", 400)
    jobs = Job.objects.bulk_create(Job(kind="test.work") for _ in range(1000))
    Event.objects.bulk_create(Event(job=job, name="rows", data=["é", None]) for job in jobs[:10])

    with django_assert_num_queries(3):
        found = Reader()({job.pk: 0 for job in jobs}).events

    assert len(found) == 10
    assert json.loads(found[0].data) == ["é", None]


@pytest.mark.django_db
def test_each_job_is_read_from_its_own_point_on():
    one, two = (Job.objects.create(kind="test.work") for _ in range(2))
    first, second, third = (
        Event.objects.create(job=job, name="rows", data={}) for job in (one, two, one)
    )

    found = Reader()({one.pk: first.pk, two.pk: second.pk}).events

    assert [event.id for event in found] == [third.pk]
