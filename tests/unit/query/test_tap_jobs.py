"""A long search runs as a job of the service (UWS 1.1), and nothing of it stays behind."""

import threading
import time

import pytest

from esap.backends.deadline import within
from esap.errors import (
    BackendFailed,
    BackendTimedOut,
    BackendUnavailable,
    Cancelled,
    NotFound,
    QueryRejected,
    UnreadableAnswer,
)
from query import uws
from query.backends.base import Query
from tests.support.fakes.tap import FakeTap
from tests.support.fakes.tap.archives import tap_archive
from tests.support.waiting import wait_for

QUERY = "SELECT TOP 5 id FROM sky.stars"
JOB = Query(QUERY, limit=10, mode="async")


@pytest.fixture
def fake():
    with FakeTap() as fake:
        yield fake
        assert wait_for(fake.is_let_go)


def test_a_job_is_created_limited_run_read_and_destroyed(fake):
    archive = tap_archive(fake.url())

    with within(20):
        rows = archive.run(JOB).read_all()

    assert rows["id"].to_pylist() == [1, 2, 3, 4, 5]
    assert wait_for(lambda: fake.jobs.deleted == ["job1"])
    asked = [(request.method, request.path) for request in fake.requests]
    assert asked[:3] == [
        ("POST", "/async"),
        ("POST", "/async/job1/executionduration"),
        ("POST", "/async/job1/phase"),
    ]
    assert set(asked[3:-2]) == {("GET", "/async/job1")}
    assert asked[-2:] == [("GET", "/async/job1/results/result"), ("DELETE", "/async/job1")]
    assert fake.asked("/async/job1/executionduration")[0].params == {"EXECUTIONDURATION": "20"}
    assert fake.asked("/async/job1/phase")[0].params == {"PHASE": "RUN"}
    assert fake.requests[0].params["QUERY"] == QUERY
    assert fake.requests[0].params["MAXREC"] == "11"


def test_a_look_at_a_job_is_held_by_the_service(fake):
    with within(20):
        tap_archive(fake.url(step=0.5)).run(JOB).read_all()

    looks = _looks(fake)
    assert len(looks) <= 3
    assert [look.params.get("PHASE") for look in looks[:2]] == [None, "EXECUTING"]
    assert all(int(look.params["WAIT"]) >= 10 for look in looks)


def test_a_service_that_holds_no_look_is_not_hammered(fake):
    with within(20):
        tap_archive(fake.url(step=1, wait=0)).run(JOB).read_all()

    assert len(_looks(fake)) <= 7


@pytest.mark.parametrize("phase", ["HELD", "SUSPENDED", "UNKNOWN"])
def test_a_job_that_is_paused_is_waited_for(fake, phase):
    with within(20):
        rows = tap_archive(fake.url(phases=f"{phase}-EXECUTING-COMPLETED", step=0.3)).run(JOB)

        assert rows.read_all().num_rows == 5

    assert len(_looks(fake)) <= 7


def test_a_job_that_fails_is_rejected_with_the_error_documents_sentence(fake):
    with pytest.raises(QueryRejected) as caught:
        tap_archive(fake.url()).run(Query("SELECT nope FROM sky.stars", 10, mode="async"))

    assert caught.value.detail == "Field query: no such column: nope"
    assert wait_for(lambda: fake.jobs.deleted == ["job1"])


def test_a_job_that_fails_without_an_error_document_has_its_summary(fake):
    with pytest.raises(QueryRejected) as caught:
        tap_archive(fake.url(phases="ERROR", documented=0)).run(JOB)

    assert caught.value.detail == "Field query: this archive is in a bad mood"


def test_a_job_whose_failure_may_pass_may_be_tried_again(fake):
    with pytest.raises(BackendUnavailable) as caught:
        tap_archive(fake.url(phases="ERROR", transient=1)).run(JOB)

    assert caught.value.retryable


@pytest.mark.parametrize("phase", ["ABORTED", "ARCHIVED"])
def test_a_job_that_the_service_ends_has_failed(fake, phase):
    with pytest.raises(BackendFailed) as caught:
        tap_archive(fake.url(phases=f"EXECUTING-{phase}")).run(JOB)

    assert phase in caught.value.detail
    assert wait_for(lambda: fake.jobs.deleted == ["job1"])


def test_a_service_that_creates_no_job_is_told(fake):
    with pytest.raises(UnreadableAnswer):
        tap_archive(fake.url("html")).run(JOB)

    assert len(fake.requests) == 1


def test_a_job_never_leads_to_another_host(fake):
    """The address in the answer is not used, only the id of the job in it."""
    rows = tap_archive(fake.url(elsewhere=1)).run(JOB).read_all()

    assert rows.num_rows == 5


def test_a_job_is_destroyed_at_the_deadline(fake):
    began = time.monotonic()

    with pytest.raises(BackendTimedOut), within(0.7):
        tap_archive(fake.url(step=60)).run(JOB)

    assert time.monotonic() - began < 1.2
    assert wait_for(lambda: fake.jobs.deleted == ["job1"])


def test_a_job_is_destroyed_when_it_is_cancelled(fake):
    with within(60) as scope:
        cancel = threading.Timer(0.5, scope.cancel)
        cancel.start()
        with pytest.raises(Cancelled):
            tap_archive(fake.url(step=60)).run(JOB)

    cancel.join()
    assert wait_for(lambda: fake.jobs.deleted == ["job1"])


def test_a_job_is_destroyed_when_its_rows_are_not_wanted(fake):
    tap_archive(fake.url()).run(JOB).close()

    assert wait_for(lambda: fake.jobs.deleted == ["job1"])


def test_a_service_without_delete_is_told_to_destroy_by_post(fake):
    tap_archive(fake.url(undeletable=1)).run(JOB).read_all()

    assert wait_for(lambda: fake.jobs.deleted == ["job1"])
    assert fake.requests[-1].params == {"ACTION": "DELETE"}


def test_a_few_looks_may_fail(fake):
    with within(20):
        rows = tap_archive(fake.url(faint=4)).run(JOB).read_all()

    assert rows.num_rows == 5


def test_a_service_that_answers_no_look_is_unavailable(fake, monkeypatch):
    monkeypatch.setattr(uws, "_FIRST_PAUSE", 0.01)

    with within(20), pytest.raises(BackendUnavailable):
        tap_archive(fake.url(faint=99)).run(JOB)


def test_a_job_that_the_service_forgot_is_not_found(fake):
    def forget():
        wait_for(lambda: fake.jobs)
        fake.jobs.clear()

    forgetting = threading.Thread(target=forget)
    forgetting.start()
    with within(20), pytest.raises(NotFound):
        tap_archive(fake.url(step=60, wait=0)).run(JOB)

    forgetting.join()


def test_a_search_with_much_time_runs_as_a_job(fake):
    archive = tap_archive(fake.url(), async_after=60)

    with within(59):
        archive.run(Query(QUERY, limit=10)).read_all()
    with within(61):
        archive.run(Query(QUERY, limit=10)).read_all()

    assert len(fake.asked("/sync")) == 1
    assert len(fake.asked("/async")) == 1


def _looks(fake):
    return [request for request in fake.asked("/async/job1") if request.method == "GET"]


def test_a_query_that_is_to_be_sync_is_not_made_a_job_however_long_it_may_take(fake) -> None:
    archive = tap_archive(fake.url(number=71), async_after=1)

    with within(60):
        rows = archive.run(Query("SELECT TOP 3 id FROM sky.stars", 3, mode="sync")).read_all()

    assert rows.num_rows == 3
    assert [r.path for r in fake.requests if "number=71" in r.archive] == ["/sync"]
