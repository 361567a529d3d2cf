"""Jobs move once, conditionally, and tell."""

import pytest

from esap.errors import BackendTimedOut, NotFound, WrongPhase
from esap.jobs import moves, services
from esap.jobs.models import UNFINISHED, Event, Job, Phase
from tests.unit.esap.jobs.kinds import TABLE

pytestmark = pytest.mark.django_db


def told(job: Job) -> list[tuple[str, object]]:
    return list(job.events.values_list("name", "data"))


def queued() -> Job:
    return Job.objects.create(kind="test.work", phase=Phase.QUEUED)


def test_a_job_has_the_phases_of_uws_1_1():
    assert set(Phase.values) == {
        *("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED"),
        *("HELD", "SUSPENDED", "ARCHIVED", "UNKNOWN"),
    }
    assert set(UNFINISHED) == {"PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN"}


def test_a_completed_job_has_its_results_its_times_and_told_them_in_order():
    job = moves.claim(queued().pk)

    done = moves.complete(job, [TABLE])

    made = {"name": "stars", "media_type": "text/csv", "link": "/results/stars.csv", "size": 12}
    assert done.phase == "COMPLETED"
    assert done.results == [made]
    assert done.created <= done.started <= done.ended
    assert told(job) == [
        ("phase", {"phase": "EXECUTING"}),
        ("result", made),
        ("phase", {"phase": "COMPLETED"}),
    ]


def test_a_failed_job_keeps_the_problem():
    job = moves.claim(queued().pk)

    failed = moves.fail(job, BackendTimedOut("VizieR took too long.", peer="vizier"))

    assert failed.phase == "ERROR"
    assert failed.problem == {
        "type": "/esap-api/problems/backend-timed-out",
        "title": "Service timed out",
        "status": 504,
        "detail": "VizieR took too long.",
        "slug": "backend-timed-out",
        "retryable": True,
        "peer": "vizier",
    }
    assert told(job)[-2:] == [("problem", failed.problem), ("phase", {"phase": "ERROR"})]


def test_a_claimed_job_cannot_be_claimed_again():
    job = moves.claim(queued().pk)

    with pytest.raises(WrongPhase, match="EXECUTING"):
        moves.claim(job.pk)

    assert told(job) == [("phase", {"phase": "EXECUTING"})]


@pytest.mark.parametrize("end", [Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED])
def test_a_job_that_has_ended_stays_as_it_is(end):
    job = Job.objects.create(kind="test.work", phase=end)

    for change in (
        lambda: moves.abort(job),
        lambda: moves.complete(job, [TABLE]),
        lambda: moves.fail(job, NotFound("gone")),
        lambda: moves.progress(job, 0.5, "half"),
        lambda: moves.record_event(job, "rows", {}),
        lambda: moves.note_remote(job, peer="slurm", remote_id="17"),
    ):
        with pytest.raises(WrongPhase, match=end):
            change()

    job.refresh_from_db()
    assert (job.phase, job.results, job.problem, job.peer) == (end, [], None, "")
    assert not Event.objects.exists()


def test_progress_is_kept_and_told():
    job = moves.claim(queued().pk)

    moves.progress(job, 0.25, "2 of 8 archives")

    job.refresh_from_db()
    assert (job.progress_fraction, job.progress_sentence) == (0.25, "2 of 8 archives")
    assert told(job)[-1] == ("progress", {"fraction": 0.25, "sentence": "2 of 8 archives"})


def test_a_room_may_tell_events_of_its_own():
    job = services.begin("query.search", {})

    services.record_event(job, "rows", [[1, None], [2, "é"]])

    assert told(job)[-1] == ("rows", [[1, None], [2, "é"]])


def test_the_remote_id_is_kept_without_an_event():
    job = moves.claim(queued().pk)

    moves.note_remote(job, peer="slurm", remote_id="4711")

    job.refresh_from_db()
    assert (job.peer, job.remote_id) == ("slurm", "4711")
    assert len(told(job)) == 1


def test_a_job_that_is_gone_is_not_found():
    job = queued()
    job_id = job.pk
    job.delete()

    with pytest.raises(NotFound):
        moves.claim(job_id)


def test_an_aborted_job_is_not_wanted():
    job = moves.claim(queued().pk)
    assert moves.is_wanted(job)

    moves.abort(job)

    assert not moves.is_wanted(job)
