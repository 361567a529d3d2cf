"""Who leaves takes their jobs along: here, and at the peers."""

import pytest

from esap.errors import BackendUnavailable
from esap.jobs import following, leaving, runner, services
from esap.jobs.models import Event, Job
from esap.jobs.services import Part
from tests.unit.esap.jobs.kinds import cluster

pytestmark = pytest.mark.django_db

removed = []


def remove(jobs):
    removed.extend(job.pk for job in jobs)


def stumble(jobs):
    raise OSError("the disk is read-only")


@pytest.fixture(autouse=True)
def endings(settings):
    removed.clear()
    settings.JOB_ENDINGS = [f"{__name__}.remove"]


def at_peer(owner):
    job = services.submit("test.remote", {"target": "M31"}, owner, peer="slurm", run_id="mine")
    runner.carry_out(job.pk)
    return Job.objects.get(pk=job.pk)


def many(owner, count):
    """Jobs of all sorts, a third of which is done."""
    phases = ["QUEUED", "EXECUTING", "COMPLETED"]
    Job.objects.bulk_create(
        Job(kind="test.work", owner=owner, phase=phases[n % 3]) for n in range(count)
    )


def phases_of(owner):
    return sorted(Job.objects.filter(owner=owner).values_list("phase", flat=True))


def test_all_unfinished_jobs_of_a_user_end_with_their_parts_and_nobody_elses(ada, bob):
    whole = services.submit_parts(
        "test.parts", {}, [Part(kind="test.work", parameters={})] * 2, ada
    )
    services.complete(services.begin("test.work", {}, ada))
    services.submit("test.work", {}, bob)

    assert leaving.abort_all(ada) == 3

    assert phases_of(ada) == ["ABORTED", "ABORTED", "ABORTED", "COMPLETED"]
    assert phases_of(bob) == ["QUEUED"]
    last = Event.objects.filter(job__in=[whole, *whole.children.all()]).order_by("job", "-id")
    assert [event.data for event in last if event.data == {"phase": "ABORTED"}] == [
        {"phase": "ABORTED"}
    ] * 3


def test_a_thousand_jobs_end_in_few_statements(ada, django_assert_max_num_queries):
    many(ada, 900)

    with django_assert_max_num_queries(30):
        assert leaving.abort_all(ada) == 600
    with django_assert_max_num_queries(40):
        assert leaving.delete_all(ada) == 900

    assert not Job.objects.exists()
    assert not Event.objects.exists()


def test_what_runs_at_a_peer_is_stopped_there_before_this_returns(ada, bob):
    mine, other = at_peer(ada), at_peer(bob)

    leaving.abort_all_at_peers(ada)

    assert cluster.stopped == [mine.remote_id]
    mine.refresh_from_db()
    assert (mine.phase, mine.due) == ("ABORTED", None)
    assert Job.objects.get(pk=other.pk).phase == "QUEUED"


def test_while_a_peer_is_away_a_job_stays_without_its_owner_until_it_is_stopped(ada, monkeypatch):
    job = at_peer(ada)
    cluster.stopping[job.remote_id] = BackendUnavailable("Slurm is away.")

    leaving.abort_all_at_peers(ada)
    leaving.delete_all(ada)

    left = Job.objects.get()
    assert (left.pk, left.owner, left.parameters, left.run_id) == (job.pk, None, {}, "")
    assert left.due is not None
    assert not Event.objects.exists()
    assert not services.jobs_of(ada).exists()
    cluster.stopping.clear()
    Job.objects.update(due=left.created)
    services.look_soon_for(left)
    following.look_after("cluster", "slurm")
    assert cluster.stopped == [job.remote_id]
    assert Job.objects.get().due is None


def test_all_that_is_kept_goes_with_the_jobs(ada, bob):
    many(ada, 5)
    many(bob, 1)
    ids = set(Job.objects.filter(owner=ada).values_list("pk", flat=True))

    leaving.delete_all(ada)

    assert set(removed) == ids
    assert phases_of(bob) == ["QUEUED"]


def test_what_cannot_be_removed_keeps_no_job(ada, settings):
    settings.JOB_ENDINGS = [f"{__name__}.stumble", f"{__name__}.remove"]
    many(ada, 2)

    leaving.delete_all(ada)

    assert not Job.objects.exists()
    assert len(removed) == 2
