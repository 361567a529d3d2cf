"""The events process, served by a real uvicorn on loopback."""

import socket
import subprocess
import sys
import threading
import time
from itertools import islice

import pytest
from django.contrib.auth import get_user_model

from esap.events import views
from esap.jobs import services
from esap.jobs.moves import Result
from tests.unit.esap.events.listening import cookies_of, events, listen, until


def ended_job():
    job = services.begin("query.search", {})
    services.record_event(job, "columns", ["ra", "dec"])
    services.record_event(job, "rows", [[56.75, 24.12]])
    services.complete(job, [Result("all", "application/json", "/results/1")])
    return job


@pytest.mark.parametrize("path", ["jobs/{}/events", "query/searches/{}/events/"])
def test_a_listener_hears_a_job_from_its_beginning_to_its_end(url, path):
    job = ended_job()

    answer = listen(f"{url}/{path.format(job.pk)}")
    heard = list(events(answer))

    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert [(name, data) for _, name, data in heard] == [
        ("phase", {"phase": "EXECUTING"}),
        ("columns", ["ra", "dec"]),
        ("rows", [[56.75, 24.12]]),
        (
            "result",
            {"name": "all", "media_type": "application/json", "link": "/results/1", "size": None},
        ),
        ("phase", {"phase": "COMPLETED"}),
    ]
    assert [number for number, _, _ in heard] == list(job.events.values_list("id", flat=True))


def test_events_arrive_while_the_job_runs(url):
    job = services.begin("query.search", {})
    arriving = events(listen(f"{url}/jobs/{job.pk}/events"))
    assert next(arriving)[1] == "phase"

    for number in range(3):
        began = time.monotonic()
        services.record_event(job, "rows", [number])

        assert next(arriving)[1:] == ("rows", [number])
        assert time.monotonic() - began < 1

    services.abort(job)
    assert [data for _, _, data in arriving] == [{"phase": "ABORTED"}]


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_listener_that_comes_back_hears_what_it_missed_and_nothing_twice(url, how):
    job = services.begin("query.search", {})
    services.record_event(job, "rows", [1])
    first = listen(f"{url}/jobs/{job.pk}/events")
    heard = list(islice(events(first), 2))
    first.close()
    services.record_event(job, "rows", [2])
    services.complete(job)

    last = str(heard[-1][0])
    again = (
        listen(f"{url}/jobs/{job.pk}/events", headers={"Last-Event-ID": last})
        if how == "header"
        else listen(f"{url}/jobs/{job.pk}/events?last_event_id={last}")
    )
    heard += events(again)

    assert [data for _, _, data in heard] == [
        {"phase": "EXECUTING"},
        [1],
        [2],
        {"phase": "COMPLETED"},
    ]


def test_a_listener_that_has_heard_the_end_is_told_not_to_come_back(url):
    job = ended_job()
    last = job.events.last().pk

    answer = listen(f"{url}/jobs/{job.pk}/events", headers={"Last-Event-ID": str(last)})

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 30])
def test_an_event_id_that_cannot_be_is_refused(url, last):
    job = ended_job()

    answer = listen(f"{url}/jobs/{job.pk}/events?last_event_id={last}")

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_job_is_heard_by_its_owner_only(url):
    ada, bob = (get_user_model().objects.create_user(name) for name in ("ada", "bob"))
    job = services.complete(services.begin("query.search", {}, ada))

    def answer_to(user):
        cookies = cookies_of(user) if user else {}
        accept = {"Accept": "text/event-stream"}
        return listen(f"{url}/jobs/{job.pk}/events", cookies=cookies, headers=accept)

    assert len(list(events(answer_to(ada)))) == 2
    for other in (bob, None):
        refused = answer_to(other)
        assert (refused.status_code, refused.json()["slug"]) == (404, "not-found")


def test_everything_else_is_not_here_but_health_is(url):
    assert listen(f"{url}/jobs").json()["slug"] == "not-found"
    assert listen(f"{url}/health/live").json()["status"] == "ok"


def test_listeners_cost_no_threads_and_those_who_leave_are_let_go(url):
    job = services.begin("query.search", {})
    answers = [listen(f"{url}/jobs/{job.pk}/events")]
    hearing = [events(answers[0])]
    next(hearing[0])
    threads = threading.active_count()

    answers += [listen(f"{url}/jobs/{job.pk}/events") for _ in range(30)]
    hearing += [events(answer) for answer in answers[1:]]
    heard = [next(listener) for listener in hearing[1:]]

    assert heard == [heard[0]] * 30
    assert len(views.feed) == 31
    assert threading.active_count() <= threads  # some of other tests may have ended meanwhile
    for answer in answers:
        answer.close()
    assert until(lambda: len(views.feed) == 0)


def test_the_process_serves_the_application_and_pages_of_the_gateway_may_listen(database):
    job = ended_job()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "esap.events", "--port", str(port)]
    process = subprocess.Popen(command, env={**database, "ESAP_EVENTS_URL": "http://127.0.0.1:1"})
    try:

        def answers():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        assert until(answers, 30)
        place = f"http://127.0.0.1:{port}/esap-api/jobs/{job.pk}"
        answer = listen(f"{place}/events", headers={"Origin": "http://127.0.0.1:8000"})
        heard = list(events(answer))
        waited = listen(f"{place}?wait=20&ticket=forged")
    finally:
        process.terminate()
        process.wait(10)

    assert len(heard) == 5
    assert waited.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "http://127.0.0.1:8000"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
