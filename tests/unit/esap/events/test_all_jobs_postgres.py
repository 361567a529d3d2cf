"""On PostgreSQL, an event with a lower id may become visible later; it is not missed."""

import json
import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from esap.events.reading import JobsOf, Reader
from esap.jobs.models import Event, Job
from tests.support import database
from tests.support.waiting import wait_for


@pytest.fixture
def on_postgres(postgres, tmp_path, django_db_blocker):
    with django_db_blocker.unblock(), database.postgres_database(postgres.url, tmp_path):
        yield


@pytest.mark.peer("postgres")
def test_an_event_that_becomes_visible_after_a_later_one_is_told_all_the_same(on_postgres):
    ada = get_user_model().objects.create_user("ada")
    job, other = (Job.objects.create(kind="test.work", owner=ada) for _ in range(2))
    topic, read = JobsOf(ada.pk), Reader()
    written, go_on = threading.Event(), threading.Event()

    def write_slowly():
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(run_id="slow")
            Event.objects.create(job=job, name="phase", data={"n": "early"})
            written.set()
            go_on.wait(10)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert written.wait(10)
    Event.objects.create(job=other, name="phase", data={"n": "late"})

    before = read({topic: 0})
    go_on.set()
    writer.join()
    after = []

    def told():
        after.extend(read({topic: 0}).events)
        return bool(after)

    assert before.events == []
    # Whoever writes on the same server, in another test's database, keeps events back as well.
    assert wait_for(told)
    assert [event.id for event in after] == sorted(event.id for event in after)
    assert [json.loads(event.data)["data"]["n"] for event in after] == ["early", "late"]
