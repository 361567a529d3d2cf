"""WAIT: the gateway holds no request itself, and knows who can."""

import pytest

from esap.jobs import moves, services
from tests.unit.esap.jobs.clients import logged_in, on_sqlite  # noqa: F401 - a fixture
from tests.unit.esap.jobs.uws import UWS, texts, xml

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(ada):
    return services.submit("test.work", {}, ada)


@pytest.fixture
def ask(ada, job, settings):
    """Return a question about the job, with a WAIT, in a gateway that has an events process."""
    settings.EVENTS_URL = "http://127.0.0.1:8001"
    return lambda query: logged_in(ada).get(f"{UWS}/async/{job.pk}?{query}")


@pytest.mark.parametrize("query", ["WAIT=30", "wait=-1", "WAIT=30&PHASE=QUEUED"])
def test_who_waits_is_sent_to_the_events_process_with_the_whole_question(ask, job, query):
    answer = ask(query)

    here = f"http://127.0.0.1:8001{UWS}/async/{job.pk}?{query.split('&')[0]}"
    assert answer.status_code == 307
    assert answer["Location"].startswith(here)


@pytest.mark.parametrize("query", ["WAIT=0", "WAIT=30&PHASE=EXECUTING", "WAIT="])
def test_who_has_nothing_to_wait_for_is_answered_at_once(ask, query):
    assert texts(xml(ask(query)))["phase"] == "QUEUED"


def test_the_end_of_a_job_that_has_ended_is_not_waited_for(ask, job):
    moves.complete(moves.claim(job.pk))

    assert texts(xml(ask("WAIT=30")))["phase"] == "COMPLETED"


def test_where_nobody_can_hold_a_request_the_answer_comes_at_once(ask, settings):
    settings.EVENTS_URL = ""

    assert texts(xml(ask("WAIT=30")))["phase"] == "QUEUED"


@pytest.mark.parametrize("query", ["WAIT=long", "WAIT=1.5", "WAIT=--1"])
def test_a_wait_that_is_no_number_is_refused(ask, query):
    answer = ask(query)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert "wait" in answer.json()["detail"]
