"""Nobody has more work in flight than is fair, and everybody is told how much that is."""

import pytest

from esap.errors import SwitchedOff, TooManyRequests
from esap.jobs import moves, runner, services
from esap.jobs.kinds import JobKind
from esap.jobs.models import Job
from esap.jobs.services import Part, Usage
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits(settings):
    settings.JOBS_IN_FLIGHT = 3
    settings.JOBS_LIMITS = {"test.wish": 1}


def refused(function, *args, **kwargs):
    before = Job.objects.count()
    with pytest.raises(TooManyRequests) as refusal:
        function(*args, **kwargs)
    assert Job.objects.count() == before
    return refusal.value


def test_who_has_as_much_as_is_allowed_is_told_what_it_is(ada):
    jobs = [services.submit("test.work", {}, ada) for _ in range(3)]

    error = refused(services.submit, "test.work", {}, ada)

    assert error.detail == (
        "You have 3 jobs under way; 3 is all that is allowed at once. Wait for one to end, or "
        "abort it."
    )
    assert error.extensions == {
        "policy": "jobs",
        "running": 3,
        "limit": 3,
        "jobs": [{"id": str(job.pk), "kind": "test.work", "phase": "QUEUED"} for job in jobs],
        "retry_after": 10,
    }


def test_no_more_than_ten_are_named(ada, settings):
    settings.JOBS_IN_FLIGHT = 12
    for _ in range(12):
        services.submit("test.work", {}, ada)

    assert len(refused(services.submit, "test.work", {}, ada).extensions["jobs"]) == 10


def test_a_job_that_ended_makes_room(ada):
    jobs = [services.submit("test.work", {}, ada) for _ in range(3)]
    moves.complete(moves.claim(jobs[0].pk))

    services.submit("test.work", {}, ada)

    refused(services.submit, "test.work", {}, ada)


def test_others_are_not_counted(ada, bob):
    for _ in range(3):
        services.submit("test.work", {}, bob)

    assert services.submit("test.work", {}, ada).phase == "QUEUED"


def test_a_kind_has_a_limit_of_its_own(ada):
    job = services.submit("test.wish", {"rows": 1}, ada)

    error = refused(services.submit, "test.wish", {"rows": 1}, ada)

    assert "You have 1 job of kind test.wish under way" in error.detail
    assert [one["id"] for one in error.extensions["jobs"]] == [str(job.pk)]
    assert services.submit("test.work", {}, ada).phase == "QUEUED"


def test_settings_come_before_what_the_kind_says(ada, monkeypatch, settings):
    known = {name: JobKind(name, kinds.work, limit=1) for name in ("a", "b")}
    monkeypatch.setattr("esap.jobs.kinds._kinds", lambda paths: known)
    settings.JOBS_IN_FLIGHT = 10
    settings.JOBS_LIMITS = {"b": 2}

    for kind in ("a", "b", "b"):
        services.submit(kind, {}, ada)

    assert refused(services.submit, "a", {}, ada).extensions["limit"] == 1


def test_parts_count_for_their_kind_and_the_whole_for_itself(ada, settings):
    settings.JOBS_LIMITS = {"test.work": 5}
    parts = [Part(kind="test.work", parameters={})] * 4

    job = services.submit_parts("test.parts", {}, parts, ada)

    error = refused(services.submit_parts, "test.parts", {}, parts, ada)
    assert "4 jobs of kind test.work under way, and this asks for 4 more" in error.detail
    assert refused(services.add_parts, job, parts[:2])
    services.add_parts(job, parts[:1])
    assert {use.what: use.running for use in services.usage(ada)} == {"jobs": 1, "test.work": 5}


def test_what_the_gateway_does_for_nobody_has_no_limit_and_uses_none_up(ada):
    for _ in range(4):
        services.submit("test.work", {})

    assert services.submit("test.work", {}, ada).owner == ada
    assert [used.running for used in services.usage(ada)] == [1, 0]


@pytest.mark.parametrize("switch", [{"JOBS_LIMITS": {"test.work": 0}}, {"JOBS_IN_FLIGHT": 0}])
def test_a_limit_of_0_switches_off(ada, settings, switch):
    for name, value in switch.items():
        setattr(settings, name, value)

    for owner in (ada, None):
        with pytest.raises(SwitchedOff, match=r"switched off jobs of kind test\.work"):
            services.submit("test.work", {}, owner)
    with pytest.raises(SwitchedOff):
        services.submit_parts("test.parts", {}, [Part(kind="test.work", parameters={})], ada)
    with pytest.raises(SwitchedOff):
        services.begin("test.work", {}, ada)

    assert not Job.objects.exists()


def test_what_was_queued_before_it_was_switched_off_waits_and_goes_on_later(ada, settings):
    job = services.submit("test.work", {}, ada)
    settings.JOBS_LIMITS = {"test.work": 0}

    runner.carry_out(job.pk)
    job.refresh_from_db()
    assert (job.phase, kinds.calls) == ("QUEUED", [])
    assert job.waits_for == "The operator has switched off jobs of kind test.work for now."

    settings.JOBS_LIMITS = {}
    runner.carry_out(job.pk)
    job.refresh_from_db()
    assert (job.phase, job.waits_for) == ("COMPLETED", "")


def test_a_user_is_told_how_much_of_each_limit_is_used(ada):
    services.submit("test.wish", {"rows": 1}, ada)
    services.submit("test.work", {}, ada)

    assert services.usage(ada) == [Usage("jobs", 2, 3), Usage("test.wish", 1, 1)]
    assert [use.left for use in services.usage(ada)] == [1, 0]


def test_to_tell_the_usage_takes_one_statement(ada, django_assert_num_queries):
    with django_assert_num_queries(1):
        services.usage(ada)


def test_work_that_a_request_carries_out_itself_counts(ada):
    for _ in range(3):
        services.begin("test.work", {}, ada)

    refused(services.submit, "test.work", {}, ada)
