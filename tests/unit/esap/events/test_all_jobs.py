"""All jobs of a user are heard in one stream, by the same reader."""

import json
from itertools import islice

import pytest
from django.contrib.auth import get_user_model

from esap.events.horizon import Horizon
from esap.events.reading import MOST_READ, JobsOf, Reader
from esap.jobs import services
from esap.jobs.models import Event, Job
from tests.unit.esap.events.listening import browser, cookies_of, events, listen, until


def user(name):
    return get_user_model().objects.create_user(name)


def test_jobs_made_after_the_stream_began_are_heard_and_others_jobs_are_not(url):
    ada, bob = user("ada"), user("bob")
    services.begin("query.search", {}, ada)
    answer = listen(f"{url}/jobs/events", cookies=cookies_of(ada))
    arriving = events(answer)

    services.begin("query.search", {}, bob)
    services.begin("query.search", {})
    mine = services.begin("query.search", {}, ada)
    services.record_event(mine, "rows", [[1.0]])
    services.abort(mine)

    assert answer.headers["Content-Type"] == "text/event-stream"
    about = {"job": str(mine.pk), "kind": "query.search", "parent": None}
    assert [(name, data) for _, name, data in islice(arriving, 2)] == [
        ("phase", {**about, "data": {"phase": "EXECUTING"}}),
        ("phase", {**about, "data": {"phase": "ABORTED"}}),
    ]
    answer.close()


@pytest.mark.parametrize("how", ["header", "query"])
def test_who_comes_back_hears_of_all_jobs_what_was_missed_and_nothing_twice(url, how):
    ada = user("ada")
    cookies = cookies_of(ada)
    first = listen(f"{url}/jobs/events", cookies=cookies)
    one = services.begin("query.search", {}, ada)
    last = str(next(events(first))[0])
    first.close()
    two = services.begin("query.search", {}, ada)
    services.abort(one)

    again = (
        listen(f"{url}/jobs/events", cookies=cookies, headers={"Last-Event-ID": last})
        if how == "header"
        else listen(f"{url}/jobs/events?last_event_id={last}", cookies=cookies)
    )

    heard = [(data["job"], data["data"]["phase"]) for _, _, data in islice(events(again), 2)]
    assert heard == [(str(two.pk), "EXECUTING"), (str(one.pk), "ABORTED")]
    again.close()


def test_the_stream_begins_with_the_id_to_come_back_with(url):
    ada = user("ada")
    job = services.begin("query.search", {}, ada)

    answer = listen(f"{url}/jobs/events", cookies=cookies_of(ada))
    lines = list(islice(answer.iter_lines(chunk_size=1, decode_unicode=True), 3))
    answer.close()

    assert lines == ["retry: 1000", f"id: {job.events.get().pk}", ""]


def test_all_jobs_are_told_to_those_only_who_have_logged_in(url):
    refused = browser.get(f"{url}/jobs/events", timeout=10)

    assert (refused.status_code, refused.json()["slug"]) == (401, "login-required")


@pytest.mark.django_db
def test_a_thousand_who_are_up_to_date_cost_one_statement(django_assert_num_queries):
    ada = user("ada")
    last = services.begin("query.search", {}, ada).events.get().pk
    read = Reader()

    with django_assert_num_queries(1):
        found = read({JobsOf(number): last for number in range(1000)})

    assert (found.events, found.horizon) == ([], last)


@pytest.mark.django_db
def test_one_statement_more_reads_what_is_new_for_all_of_them(django_assert_num_queries):
    users = [user(f"user{number}") for number in range(20)]
    jobs = [services.begin("query.search", {}, one) for one in users]
    read = Reader()

    with django_assert_num_queries(2):
        found = read({JobsOf(one.pk): 0 for one in users})

    assert [event.topic for event in found.events] == [JobsOf(one.pk) for one in users]
    assert [json.loads(event.data)["job"] for event in found.events] == [
        str(job.pk) for job in jobs
    ]
    assert set(found.reached.values()) == {found.horizon}
    assert found.more is False


@pytest.mark.django_db
def test_much_is_read_bit_by_bit_and_what_was_not_read_is_not_passed_over():
    ada = user("ada")
    job = Job.objects.create(kind="test.work", owner=ada)
    Event.objects.bulk_create(
        Event(job=job, name="progress", data={"n": n}) for n in range(MOST_READ + 5)
    )
    read, topic, heard, after, more = Reader(), JobsOf(ada.pk), [], 0, True

    while more:
        found = read({topic: after})
        heard += [json.loads(event.data)["data"]["n"] for event in found.events]
        after, more = found.reached[topic], found.more

    assert heard == list(range(MOST_READ + 5))


def test_those_who_leave_are_let_go(url):
    from esap.events import views

    ada = user("ada")
    answers = [listen(f"{url}/jobs/events", cookies=cookies_of(ada)) for _ in range(5)]
    assert until(lambda: len(views.feed) == 5)

    for answer in answers:
        answer.close()

    assert until(lambda: len(views.feed) == 0)


class TestHorizon:
    """What is behind it is final: nothing more becomes visible there (PostgreSQL)."""

    def test_with_no_writer_it_is_the_last_event(self):
        assert Horizon()._seen(last=7, oldest=100, following=100) == 7

    def test_while_an_older_writer_is_at_work_it_stays(self):
        horizon = Horizon()
        horizon._seen(last=7, oldest=100, following=100)

        assert horizon._seen(last=9, oldest=100, following=102) == 7
        assert horizon._seen(last=12, oldest=101, following=105) == 7

    def test_once_all_who_wrote_then_have_ended_it_follows(self):
        horizon = Horizon()
        horizon._seen(last=7, oldest=100, following=100)
        horizon._seen(last=9, oldest=100, following=102)

        assert horizon._seen(last=12, oldest=102, following=105) == 9
        assert horizon._seen(last=12, oldest=105, following=105) == 12

    def test_before_it_is_known_nothing_is_told(self):
        assert Horizon()._seen(last=9, oldest=100, following=102) is None

    def test_a_transaction_that_hangs_does_not_hold_it_for_ever(self, monkeypatch):
        monkeypatch.setattr("esap.events.horizon.MOST_SECONDS", 0.0)
        horizon = Horizon()
        horizon._seen(last=9, oldest=100, following=102)

        assert horizon._seen(last=9, oldest=100, following=103) == 9
