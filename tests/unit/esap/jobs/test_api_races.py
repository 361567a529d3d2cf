"""Many requests at the same moment, through the front door."""

import threading

import pytest
from django.db import connections
from django.test import Client

from esap.jobs.models import Job
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

JOBS = "/esap-api/jobs"


def test_a_hundred_at_once_make_one_job(shared_database, django_user_model, settings):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    user = django_user_model.objects.create_user("ada")
    session = logged_in(user).cookies["sessionid"].value
    together = threading.Barrier(100)
    answers = []

    def ask():
        client = Client(headers={"Idempotency-Key": '"k"'})
        client.cookies["sessionid"] = session
        together.wait()
        try:
            answer = client.post(JOBS, {"kind": "test.work"}, "application/json")
            answers.append((answer.status_code, answer.headers.get("Location")))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    job = Job.objects.get()
    assert answers == [(202, f"{JOBS}/{job.pk}")] * 100
