"""A real archive that is too slow for a request goes on as a job of ours, and as one of its own."""

import json

import pytest
from django.test import Client

from esap.jobs.models import Job
from esap.results.reading import rows
from esap.results.storage import find
from tests.integration.query.test_tap_dachs import SLOW
from tests.support.entries import write_entries
from tests.support.stored import results_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.peer("dachs")]


@pytest.fixture
def ada(dachs, tmp_path, settings, django_user_model):
    entry = {
        "id": "dachs",
        "type": "tap",
        "title": "DaCHS",
        "url": dachs.links["tap"],
        "private_network": True,
        "async_after": 60,
    }
    settings.ENTRY_FILES = write_entries(tmp_path, [entry])
    results_in(settings, tmp_path)
    client = Client()
    client.force_login(django_user_model.objects.create_user("ada"))
    return client


def test_what_dachs_cannot_do_in_a_second_is_found_by_a_job(ada):
    asked = {"archives": ["dachs"], "adql": SLOW, "timeout": 1}

    answer = ada.post("/esap-api/query/searches/", json.dumps(asked), "application/json")

    body = json.loads(answer.getvalue())
    assert [(a["status"], a["slug"]) for a in body["archives"]] == [
        ("timeout", "backend-timed-out")
    ]
    job = Job.objects.get(pk=body["continued"]["search"])
    outcome = job.events.get(name="archive").data
    assert (job.phase, outcome["status"]) == ("COMPLETED", "ok")
    assert outcome["elapsed"] > 1
    [row] = rows(find(job.pk, "dachs.adql")).read_all().to_pylist()
    assert row["n"] > 0
