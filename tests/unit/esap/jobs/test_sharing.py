"""A link lets others read a job, until it is ended."""

import pytest
from django.contrib.auth.models import AnonymousUser

from esap.errors import NotFound
from esap.jobs import services
from esap.jobs.models import Job
from esap.jobs.services import Part

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(ada):
    return services.submit("test.work", {}, ada)


def test_whoever_has_the_link_reads_the_job(job, bob):
    token = services.share(job)

    assert services.job_to_read(bob, job.pk, token) == job
    assert services.job_to_read(AnonymousUser(), job.pk, token) == job


def test_whoever_has_not_is_told_that_there_is_none(job, bob):
    token = services.share(job)

    for wrong in ("", "x", token[:-1]):
        with pytest.raises(NotFound):
            services.job_to_read(bob, job.pk, wrong)


def test_the_link_is_for_reading_only(job, bob):
    services.share(job)

    with pytest.raises(NotFound):
        services.job_for(bob, job.pk)


def test_a_job_that_was_never_shared_has_no_link(job, bob):
    with pytest.raises(NotFound):
        services.job_to_read(
            bob, job.pk, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
        )


def test_an_ended_link_opens_nothing(job, bob):
    token = services.share(job)

    services.unshare(job)

    with pytest.raises(NotFound):
        services.job_to_read(bob, job.pk, token)


def test_a_new_link_ends_the_one_before(job, bob):
    before = services.share(job)
    now = services.share(job)

    assert services.job_to_read(bob, job.pk, now) == job
    with pytest.raises(NotFound):
        services.job_to_read(bob, job.pk, before)


def test_the_link_of_one_job_does_not_open_another(job, ada, bob):
    other = services.submit("test.work", {}, ada)
    token = services.share(job)

    with pytest.raises(NotFound):
        services.job_to_read(bob, other.pk, token)


def test_the_link_of_a_whole_opens_its_parts_but_not_the_other_way(ada, bob):
    parts = [Part(kind="test.work", parameters={})] * 2
    whole = services.submit_parts("test.parts", {}, parts, ada)
    first, second = whole.children.all()

    assert services.job_to_read(bob, first.pk, services.share(whole)) == first
    token = services.share(first)
    for other in (whole, second):
        with pytest.raises(NotFound):
            services.job_to_read(bob, other.pk, token)


def test_the_token_itself_is_not_kept(job):
    token = services.share(job)

    kept = Job.objects.values_list("share", flat=True).get()
    assert len(kept) == 64
    assert token not in kept


def test_ones_own_job_needs_no_link(job, ada):
    assert services.job_to_read(ada, job.pk) == job
    assert services.job_to_read(ada, job.pk, "wrong") == job
