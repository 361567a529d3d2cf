"""Stored results go with their jobs."""

from datetime import timedelta
from uuid import uuid4

import pyarrow as pa
import pytest
from django.core.management import call_command
from django.utils import timezone

from esap.jobs import services
from esap.jobs.destruction import destroy_due
from esap.jobs.models import Job
from esap.results.storage import folders
from esap.results.tasks import sweep
from esap.results.writing import store
from esap.tables.stream import TableStream

pytestmark = pytest.mark.django_db


def stored_of(job_id):
    store(job_id, "merged", TableStream.of(pa.table({"x": [1]})))
    return job_id


def test_results_are_gone_with_the_job_they_are_of(folder):
    kept, due = (services.begin("query.search", {}) for _ in range(2))
    for job in (kept, due):
        stored_of(job.pk)
        services.complete(job)
    Job.objects.filter(pk=due.pk).update(destruction=timezone.now() - timedelta(seconds=1))

    destroyed = destroy_due()

    assert destroyed == 1
    assert folders() == [kept.pk]


def test_results_without_a_job_are_swept_and_no_others(folder, capsys):
    job = services.begin("query.search", {})
    stored_of(job.pk)
    orphan = stored_of(uuid4())

    call_command("sweep_results")

    assert folders() == [job.pk]
    assert capsys.readouterr().out == (
        f"Deleted the results of job {orphan}.\n1 jobs' results were left over.\n"
    )


def test_the_worker_sweeps_them_too(folder):
    stored_of(uuid4())

    sweep()

    assert folders() == []


def test_there_is_nothing_to_sweep_before_anything_was_stored(folder):
    sweep()

    assert folders() == []
