"""A job goes when its time has come, and all that was kept of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from esap.jobs import moves, runner, services
from esap.jobs.destruction import destroy_due
from esap.jobs.idempotency import same_request
from esap.jobs.models import Event, IdempotencyKey, Job
from esap.jobs.services import Part

pytestmark = pytest.mark.django_db

removed = []


def remove(jobs):
    removed.append([job.pk for job in jobs])


def stumble(jobs):
    raise OSError("the disk is read-only")


@pytest.fixture(autouse=True)
def endings(settings):
    removed.clear()
    settings.JOB_ENDINGS = [f"{__name__}.remove"]


def overdue(job, ago=timedelta(seconds=1)):
    Job.objects.filter(pk=job.pk).update(destruction=timezone.now() - ago)
    return job


def done():
    return moves.complete(moves.claim(services.submit("test.work", {}).pk))


def test_a_job_is_destroyed_with_its_events_and_its_stored_results():
    kept, gone = done(), overdue(done())

    assert destroy_due() == 1

    assert list(Job.objects.all()) == [kept]
    assert set(Event.objects.values_list("job", flat=True)) == {kept.pk}
    assert removed == [[gone.pk]]


def test_a_job_under_way_is_aborted_and_destroyed():
    job = overdue(moves.claim(services.submit("test.work", {}).pk))

    assert destroy_due() == 1

    assert not moves.is_wanted(job)
    assert not Job.objects.exists()


def test_a_job_at_a_peer_stays_until_it_is_stopped_there_but_not_for_ever():
    job = services.submit("test.remote", {}, peer="slurm")
    runner.carry_out(job.pk)
    overdue(job)

    assert destroy_due() == 0
    job.refresh_from_db()
    assert (job.phase, job.due is not None) == ("ABORTED", True)

    overdue(job, timedelta(days=2))
    assert destroy_due() == 1


def test_a_job_that_its_user_never_came_back_for_goes_like_any_other():
    job = services.submit("test.work", {})
    overdue(moves.hold(job, "Log in again.", timezone.now() + timedelta(minutes=15)))

    assert destroy_due() == 1

    assert not Job.objects.exists()


def test_a_job_stopped_at_its_peer_is_destroyed():
    job = services.submit("test.remote", {}, peer="slurm")
    runner.carry_out(job.pk)
    overdue(job)
    destroy_due()
    Job.objects.update(due=None)

    assert destroy_due() == 1


def test_parts_go_with_their_whole_and_not_before():
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.submit_parts("test.parts", {}, parts)
    first, second = whole.children.order_by("created")
    overdue(first)
    assert destroy_due() == 0

    overdue(whole)
    assert destroy_due() == 3
    assert removed == [[whole.pk, first.pk, second.pk]]


def test_while_stored_results_cannot_be_removed_the_job_stays(settings, caplog):
    overdue(done())
    settings.JOB_ENDINGS = [f"{__name__}.stumble"]

    assert destroy_due() == 0
    assert Job.objects.count() == 1
    assert "cannot be removed" in str(caplog.records[-1].msg)

    settings.JOB_ENDINGS = [f"{__name__}.remove"]
    assert destroy_due() == 1


def test_its_idempotency_key_goes_with_it():
    mark = same_request("k", caller="user 1", asked={})
    overdue(services.submit("test.work", {}, mark=mark))

    destroy_due()

    assert not IdempotencyKey.objects.exists()


def test_a_user_may_have_it_destroyed_sooner_but_not_later_than_a_new_job(settings):
    settings.JOB_DAYS = 30
    job = done()
    soon = timezone.now() + timedelta(hours=1)

    assert services.keep_until(job, soon).destruction == soon

    late = services.keep_until(job, timezone.now() + timedelta(days=365)).destruction
    assert timedelta(days=29) < late - timezone.now() <= timedelta(days=30)


def test_the_jobs_of_a_user_who_leaves_go_with_all_that_was_kept(ada, bob):
    services.submit("test.work", {}, ada)
    others = services.submit("test.work", {}, bob)

    assert services.destroy(services.jobs_of(ada)) == 1

    assert list(Job.objects.all()) == [others]
    assert len(removed) == 1
