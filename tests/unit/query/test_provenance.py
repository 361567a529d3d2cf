"""The record of a search, as a tool of others reads it."""

import json

import pytest
from django.test import Client
from prov.model import (
    ProvActivity,
    ProvAgent,
    ProvAssociation,
    ProvDerivation,
    ProvDocument,
    ProvEntity,
    ProvGeneration,
    ProvUsage,
)

from esap.jobs import services as jobs
from esap.jobs.models import Job
from tests.support.entries import star_archive, write_entries
from tests.support.fakes.tap import FakeTap
from tests.support.stored import results_in

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/esap-api/query/searches/"
CONE = {"ra": 56.75, "dec": 24.12, "fov": 180}
NOTHING = {"id": "none", "parameters": {}}


@pytest.fixture(scope="module")
def fake():
    with FakeTap(stars=20) as service:
        yield service


@pytest.fixture(autouse=True)
def archives(fake, settings, tmp_path):
    results_in(settings, tmp_path)
    settings.ENTRY_FILES = write_entries(
        tmp_path,
        [star_archive("good", fake.url()), star_archive("bad", fake.url("error500"))],
    )


@pytest.fixture
def ada(django_user_model):
    client = Client()
    client.force_login(django_user_model.objects.create_user("ada", full_name="Ada Lovelace"))
    return client


def searched(client, body=CONE, **headers):
    """Search, and return the job."""
    answer = client.post(URL, json.dumps(body), "application/json", headers=headers)
    b"".join(answer) if answer.streaming else answer.content  # noqa: B018 - to be read to its end
    return Job.objects.latest("created")


def read(client, job):
    """Return the record of a search as W3C's model has it."""
    answer = client.get(f"{URL}{job.pk}/provenance/")
    assert answer.status_code == 200
    return ProvDocument.deserialize(content=answer.content, format="json")


def named(document, kind):
    return {record.identifier.localpart: record for record in document.get_records(kind)}


def said(record, attribute):
    return next((str(value) for name, value in record.attributes if str(name) == attribute), None)


def ends(document, kind):
    """Return the names at both ends of each relation of a kind."""
    return {
        tuple(value.localpart for _, value in relation.formal_attributes[:2])
        for relation in document.get_records(kind)
    }


def test_a_tool_of_others_reads_what_was_asked_sent_and_answered(ada):
    job = searched(ada, Prefer="respond-async")

    document = read(ada, job)

    entities = named(document, ProvEntity)
    assert json.loads(said(entities["question"], "prov:value")) == CONE
    assert said(entities["query-good.good-stars"], "prov:value").startswith("SELECT TOP 1001 ")
    assert said(entities["query-good.good-stars"], "esap:language") == "ADQL"
    assert said(entities["answer-good.good-stars"], "esap:rows") == "20"
    assert said(entities["answer-bad.bad-stars"], "esap:problem") == "backend-failed"
    assert said(entities["merged"], "prov:location").endswith(f"{URL}{job.pk}/results/merged")


def test_it_tells_who_asked_by_which_version_and_who_answered_where(ada, fake, settings):
    document = read(ada, searched(ada, Prefer="respond-async"))

    agents = named(document, ProvAgent)
    assert said(agents["user"], "prov:label") == "Ada Lovelace"
    assert said(agents["archive-good"], "prov:label") == "Good"
    assert said(agents["archive-good"], "esap:protocol") == "IVOA TAP"
    assert said(agents["archive-good"], "prov:location") == fake.url().rstrip("/")
    assert said(agents[f"gateway-{settings.VERSION}"], "esap:version") == settings.VERSION


def test_activities_have_their_times(ada):
    job = searched(ada, Prefer="respond-async")

    activities = named(read(ada, job), ProvActivity)

    assert set(activities) == {"search", "asking-good.good-stars", "asking-bad.bad-stars"}
    search, asking = activities["search"], activities["asking-good.good-stars"]
    assert search.get_startTime() == job.created
    assert search.get_endTime() == job.ended
    assert job.created < asking.get_startTime() <= asking.get_endTime() < job.ended


def test_what_came_from_what_is_a_chain_from_the_question_to_the_merged_table(ada):
    document = read(ada, searched(ada, Prefer="respond-async"))

    derived = ends(document, ProvDerivation)
    assert {
        ("query-good.good-stars", "question"),
        ("answer-good.good-stars", "query-good.good-stars"),
        ("merged", "answer-good.good-stars"),
        ("merged", "answer-bad.bad-stars"),
    } <= derived
    assert ("asking-good.good-stars", "query-good.good-stars") in ends(document, ProvUsage)
    assert ("answer-good.good-stars", "asking-good.good-stars") in ends(document, ProvGeneration)
    assert ("asking-good.good-stars", "archive-good") in ends(document, ProvAssociation)


def test_every_end_of_a_relation_is_in_the_record(ada):
    document = read(ada, searched(ada, Prefer="respond-async"))

    known = {record.identifier for record in document.get_records() if record.is_element()}
    ends_told = {
        value
        for record in document.get_records()
        if record.is_relation()
        for name, value in record.formal_attributes
        if value is not None and str(name) != "prov:time"
    }
    assert ends_told <= known


def test_each_try_is_told_and_the_last_answer_is_the_one_that_counts(ada, settings):
    job = searched(ada, Prefer="respond-async")

    jobs.retry(job)

    document = read(ada, job)
    assert {"asking-bad.bad-stars", "asking-bad.bad-stars-2"} <= set(named(document, ProvActivity))
    derived = ends(document, ProvDerivation)
    assert ("merged", "answer-bad.bad-stars-2") in derived
    assert ("merged", "answer-bad.bad-stars") not in derived


def test_a_question_that_was_not_sent_was_answered_by_the_gateway(ada, settings, fake, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    nowhere = star_archive("good", fake.url(), mapping="none")
    settings.ENTRY_FILES = write_entries(folder, [nowhere], mappings=[NOTHING])

    document = read(ada, searched(ada, Prefer="respond-async"))

    assert ("answer-good.good-stars", "search") in ends(document, ProvGeneration)
    assert set(named(document, ProvActivity)) == {"search"}


def test_a_search_that_was_answered_at_once_has_a_record_too():
    job = searched(Client())

    document = read(Client(), job)

    assert "user" not in named(document, ProvAgent)
    assert "asking-good.good-stars" in named(document, ProvActivity)
    assert said(named(document, ProvEntity)["merged"], "prov:location") is None


def test_a_search_that_has_not_ended_has_the_record_up_to_now(ada, django_user_model):
    owner = django_user_model.objects.get(username="ada")
    job = jobs.begin("query.search", CONE, owner)

    document = read(ada, job)

    assert set(named(document, ProvEntity)) == {"question"}
    assert named(document, ProvActivity)["search"].get_endTime() is None
