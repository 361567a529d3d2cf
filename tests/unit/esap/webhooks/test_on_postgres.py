"""On PostgreSQL, where an event may become visible after a later one, none is missed or doubled."""

import threading

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from esap.jobs.models import Event, Job
from esap.webhooks import services
from esap.webhooks.collecting import collect
from esap.webhooks.models import Delivery
from tests.support import database

pytestmark = pytest.mark.peer("postgres")


@pytest.fixture(autouse=True)
def on_postgres(postgres, tmp_path, django_db_blocker):
    with django_db_blocker.unblock(), database.postgres_database(postgres.url, tmp_path):
        yield


@pytest.fixture
def ada():
    user = get_user_model().objects.create_user("ada")
    services.create(user, "https://hooks.example.org/", events=["phase"])
    return user


def test_an_event_that_becomes_visible_late_is_told(ada):
    job, other = (Job.objects.create(kind="test.work", owner=ada) for _ in range(2))
    written, go_on = threading.Event(), threading.Event()

    def write_slowly():
        with transaction.atomic():
            Job.objects.filter(pk=job.pk).update(run_id="slow")
            Event.objects.create(job=job, name="phase", data={"phase": "QUEUED"})
            written.set()
            go_on.wait(30)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert written.wait(10)
    Event.objects.create(job=other, name="phase", data={"phase": "QUEUED"})

    assert collect() == 0
    go_on.set()
    writer.join()

    assert collect() == 2


def test_of_many_who_collect_at_once_each_event_is_written_down_by_one(ada):
    job = Job.objects.create(kind="test.work", owner=ada)
    Event.objects.bulk_create(
        Event(job=job, name="phase", data={"phase": "QUEUED"}) for _ in range(100)
    )

    def run():
        collect()
        connection.close()

    together = [threading.Thread(target=run) for _ in range(4)]
    for one in together:
        one.start()
    for one in together:
        one.join()

    assert Delivery.objects.count() == 100
