"""Rooms submit work, and see only what is theirs."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from esap.errors import InvalidRequest, NotFound
from esap.jobs import moves, services, tasks
from esap.jobs.kinds import Part
from esap.jobs.models import Event, Job
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db


def test_a_submitted_job_is_carried_out_after_the_commit(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = services.submit("test.work", {"target": "M31"}, run_id="mine")
        assert (job.phase, kinds.calls) == ("QUEUED", [])

    job.refresh_from_db()
    assert (job.phase, job.parameters, job.run_id) == ("COMPLETED", {"target": "M31"}, "mine")
    assert kinds.calls == [str(job.pk)]
    assert list(job.events.values_list("name", flat=True)) == ["phase", "phase", "result", "phase"]


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_not_committed_is_never_carried_out():
    with transaction.atomic():
        services.submit("test.work", {})
        transaction.set_rollback(True)

    assert not Job.objects.exists()
    assert kinds.calls == []


def test_an_unknown_kind_is_refused_and_the_known_ones_are_named():
    with pytest.raises(InvalidRequest, match=r"'test.tea'.*test.wish, test.work"):
        services.submit("test.tea", {})

    assert not Job.objects.exists()


def test_parameters_of_the_wrong_shape_are_refused_with_the_field():
    with pytest.raises(InvalidRequest, match="rows") as refusal:
        services.submit("test.wish", {"rows": "many"})

    assert set(refusal.value.extensions["errors"]) == {"rows"}
    assert not Job.objects.exists()


def test_parameters_are_kept_as_the_kind_reads_them():
    job = services.submit("test.wish", {"rows": "12"})

    assert job.parameters == {"rows": 12}


def test_a_job_waits_in_the_queue_when_the_broker_takes_no_message(
    django_capture_on_commit_callbacks, monkeypatch
):
    def away(**kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.run, "apply_async", away)

    with django_capture_on_commit_callbacks(execute=True):
        job = services.submit("test.work", {})

    job.refresh_from_db()
    assert (job.phase, job.problem) == ("QUEUED", None)


def test_work_inside_a_request_begins_at_once_and_is_not_queued(
    django_capture_on_commit_callbacks, ada
):
    with django_capture_on_commit_callbacks(execute=True):
        job = services.begin("query.search", {"target": "M31"}, ada)

    assert kinds.calls == []
    assert (job.phase, job.owner) == ("EXECUTING", ada)
    assert job.started is not None


def test_a_job_is_shown_to_its_owner_only(ada, bob):
    job = services.begin("query.search", {}, ada)

    assert services.job_for(ada, job.pk) == job
    for other in (bob, AnonymousUser(), None):
        with pytest.raises(NotFound):
            services.job_for(other, job.pk)


def test_a_job_without_owner_is_shown_to_whoever_knows_its_id_but_listed_to_nobody(ada):
    job = services.begin("query.search", {}, AnonymousUser())

    assert services.job_for(None, job.pk) == job
    assert services.job_for(ada, job.pk) == job
    assert list(services.jobs_of(ada)) == []
    assert list(services.jobs_of(AnonymousUser())) == []


def test_a_job_is_destroyed_with_its_events_when_its_time_has_come(settings):
    settings.JOB_DAYS = 30
    kept = services.begin("test.work", {})
    settings.JOB_DAYS = -1
    services.begin("test.work", {})

    tasks.sweep()

    assert list(Job.objects.values_list("pk", flat=True)) == [kept.pk]
    assert set(Event.objects.values_list("job", flat=True)) == {kept.pk}
    assert (kept.destruction - kept.created).days in (29, 30)


def test_a_login_lets_ones_held_jobs_go_on_at_once(ada, bob, django_capture_on_commit_callbacks):
    held = {}
    for owner in (ada, bob):
        held[owner] = services.submit("test.again", {}, owner)
        moves.hold(held[owner], "Log in.", timezone.now() + timedelta(minutes=15))

    with django_capture_on_commit_callbacks(execute=True):
        assert services.resume(ada) == 1

    phases = [Job.objects.get(pk=held[owner].pk).phase for owner in (ada, bob)]
    assert phases == ["COMPLETED", "HELD"]


def test_the_parts_of_a_job_go_on_with_a_login_and_so_does_the_whole(
    ada, django_capture_on_commit_callbacks
):
    whole = services.submit_parts("test.parts", {}, [Part(kind="test.again", parameters={})], ada)
    moves.hold(Job.objects.get(parent=whole), "Log in.", None)
    assert Job.objects.get(pk=whole.pk).phase == "HELD"

    with django_capture_on_commit_callbacks(execute=True):
        assert services.resume(ada) == 1

    whole.refresh_from_db()
    assert (whole.phase, whole.due) == ("COMPLETED", None)
