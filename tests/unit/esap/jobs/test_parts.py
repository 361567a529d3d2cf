"""A job of parts is what its parts make it; a retry runs only what failed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from esap.errors import (
    BackendFailed,
    InvalidRequest,
    SwitchedOff,
    TooManyRequests,
    WrongPhase,
)
from esap.jobs import moves, runner, services
from esap.jobs.models import ENDED, Event, Job, Phase
from esap.jobs.services import Part
from tests.unit.esap.jobs import kinds

pytestmark = pytest.mark.django_db

REASON = BackendFailed("The disk is full.")


def whole_of(count, owner=None):
    parts = [Part(kind="test.again", parameters={"number": number}) for number in range(count)]
    return services.submit_parts("test.parts", {"name": "all"}, parts, owner, run_id="mine")


def parts_of(job):
    return list(job.children.order_by("created"))


def end(part, phase):
    if phase == Phase.ABORTED:
        return services.abort(part)
    part = moves.claim(part.pk)
    return moves.complete(part) if phase == Phase.COMPLETED else moves.fail(part, REASON)


def now(job):
    job.refresh_from_db()
    return job


def phases_told(job):
    return [
        data["phase"] for name, data in job.events.values_list("name", "data") if name == "phase"
    ]


def test_parts_are_jobs_of_their_own_with_the_owner_and_the_name_of_the_whole(ada):
    job = whole_of(3, ada)

    assert (job.kind, job.phase, job.gathers, job.parameters) == (
        "test.parts",
        "QUEUED",
        True,
        {"name": "all"},
    )
    assert [(part.owner, part.run_id, part.phase) for part in parts_of(job)] == [
        (ada, "mine", "QUEUED")
    ] * 3
    assert [part.parameters for part in parts_of(job)] == [{"number": n} for n in range(3)]


def test_parts_stay_in_the_order_in_which_they_were_asked_for(monkeypatch):
    moment = timezone.now()
    monkeypatch.setattr("esap.jobs.making.timezone.now", lambda: moment)

    assert [part.parameters["number"] for part in parts_of(whole_of(100))] == list(range(100))


def test_the_whole_runs_when_its_first_part_does():
    job = whole_of(2)

    first = moves.claim(parts_of(job)[0].pk)

    assert now(job).phase == "EXECUTING"
    assert job.started == first.started


def test_it_tells_how_many_parts_are_done():
    job = whole_of(4)
    assert (job.progress_fraction, job.progress_sentence) == (0.0, "0 of 4 parts")

    end(parts_of(job)[0], Phase.COMPLETED)
    end(parts_of(job)[1], Phase.ERROR)

    assert (now(job).progress_fraction, job.progress_sentence) == (0.5, "2 of 4 parts, 1 failed")


def test_it_completes_with_its_last_part_and_tells_each_phase_once():
    job = whole_of(3)

    for part in parts_of(job):
        assert now(job).phase in {"QUEUED", "EXECUTING"}
        last = end(part, Phase.COMPLETED)

    assert now(job).phase == "COMPLETED"
    assert job.ended == last.ended
    assert phases_told(job) == ["QUEUED", "EXECUTING", "COMPLETED"]
    assert job.events.last().name == "phase"


def test_a_part_that_fails_loses_none_of_the_others_and_the_end_names_it():
    job = whole_of(3)
    first, second, third = parts_of(job)

    end(first, Phase.ERROR)
    assert now(job).phase == "EXECUTING"
    end(second, Phase.COMPLETED)
    end(third, Phase.COMPLETED)

    assert now(job).phase == "ERROR"
    assert job.problem["slug"] == "parts-failed"
    assert (job.problem["failed"], job.problem["total"]) == (1, 3)
    assert job.problem["parts"] == [
        {
            "job": str(first.pk),
            "kind": "test.again",
            "slug": "backend-failed",
            "detail": "The disk is full.",
        }
    ]


@pytest.mark.parametrize(
    ("ends", "whole"),
    [
        ("COMPLETED ABORTED", "COMPLETED"),
        ("ABORTED ABORTED", "ABORTED"),
        ("ERROR ABORTED", "ERROR"),
    ],
)
def test_what_nobody_wants_any_more_is_not_missing(ends, whole):
    job = whole_of(2)

    for part, phase in zip(parts_of(job), ends.split(), strict=True):
        end(part, Phase(phase))

    assert now(job).phase == whole


def test_it_is_held_when_all_that_is_left_is_held():
    job = whole_of(2)
    first, second = parts_of(job)
    end(first, Phase.COMPLETED)

    moves.hold(now(second), "Log in.", None)

    assert now(job).phase == "HELD"


def test_to_abort_the_whole_aborts_its_unfinished_parts_and_keeps_the_others():
    job = whole_of(3)
    first, second, third = parts_of(job)
    end(first, Phase.COMPLETED)
    running = moves.claim(second.pk)

    services.abort(job)

    assert [now(one).phase for one in (job, first, second, third)] == [
        "ABORTED",
        "COMPLETED",
        "ABORTED",
        "ABORTED",
    ]
    assert not moves.is_wanted(running)
    assert phases_told(third) == ["QUEUED", "ABORTED"]
    assert phases_told(job)[-1] == "ABORTED"


def test_to_abort_the_whole_has_what_runs_at_peers_stopped():
    job = services.submit_parts(
        "test.parts", {}, [Part(kind="test.remote", parameters={}, peer="slurm")] * 2
    )
    for part in parts_of(job):
        runner.carry_out(part.pk)

    services.abort(job)

    assert all(part.due is not None for part in parts_of(job))


def test_parts_may_have_parts():
    job = services.submit_parts(
        "test.parts",
        {},
        [Part(kind="test.parts", parameters={}), Part(kind="test.work", parameters={})],
    )
    inner, leaf = parts_of(job)
    below = services.add_parts(inner, [Part(kind="test.work", parameters={})] * 2)

    moves.claim(below[0].pk)
    assert (now(inner).phase, now(job).phase) == ("EXECUTING", "EXECUTING")

    services.abort(job)
    assert {now(one).phase for one in (job, inner, leaf, *below)} == {"ABORTED"}


def test_a_job_that_ended_takes_no_more_parts():
    job = services.abort(whole_of(1))

    with pytest.raises(WrongPhase):
        services.add_parts(job, [Part(kind="test.work", parameters={})])

    assert job.children.count() == 1


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("test.work", [Part(kind="test.work", parameters={})]),
        ("test.parts", []),
        ("test.parts", [Part(kind="test.wish", parameters={"rows": "many"})]),
        ("test.parts", [Part(kind="test.tea", parameters={})]),
    ],
)
def test_a_whole_that_cannot_be_is_refused_with_all_its_parts(kind, parts):
    with pytest.raises(InvalidRequest):
        services.submit_parts(
            kind, {}, [Part(kind="test.work", parameters={}), *parts] if parts else []
        )

    assert not Job.objects.exists()
    assert not Event.objects.exists()


def test_a_thousand_parts_are_made_in_few_statements(django_assert_max_num_queries, settings):
    settings.JOBS_IN_FLIGHT = 10

    with django_assert_max_num_queries(60):
        job = whole_of(1000)

    assert job.children.count() == 1000


def test_a_retry_runs_only_what_failed_and_the_results_of_the_rest_are_kept():
    job = whole_of(3)
    first, second, third = parts_of(job)
    moves.complete(moves.claim(first.pk), [kinds.TABLE])
    end(second, Phase.ERROR)
    end(third, Phase.ABORTED)

    again = services.retry(job)

    assert (again.phase, again.problem, again.ended) == ("EXECUTING", None, None)
    assert [now(part).phase for part in (first, second, third)] == ["COMPLETED", "QUEUED", "QUEUED"]
    assert len(first.results) == 1
    assert (second.round, second.attempt, second.problem, second.ended) == (2, 0, None, None)

    end(second, Phase.COMPLETED)
    end(third, Phase.COMPLETED)
    assert now(job).phase == "COMPLETED"


def test_a_retry_of_one_part_opens_the_whole_again():
    job = whole_of(2)
    first, second = parts_of(job)
    end(first, Phase.ERROR)
    end(second, Phase.COMPLETED)
    assert now(job).phase == "ERROR"

    services.retry(first)

    assert now(job).phase == "EXECUTING"


def test_a_whole_that_was_aborted_can_be_retried():
    job = services.abort(whole_of(2))

    services.retry(job)

    assert now(job).phase == "QUEUED"


def test_a_failed_job_without_parts_is_run_again_and_listeners_are_told_to_start_anew():
    job = services.submit("test.work", {})
    end(job, Phase.ERROR)

    runner.carry_out(services.retry(job).pk)

    assert now(job).phase == "COMPLETED"
    told = [data for name, data in job.events.values_list("name", "data") if name == "phase"]
    assert told[3:] == [
        {"phase": "QUEUED", "again": True},
        {"phase": "EXECUTING", "again": True},
        {"phase": "COMPLETED"},
    ]


def test_a_retry_is_submitted_to_the_peer_as_another_job():
    job = services.submit("test.remote", {}, peer="slurm")
    runner.carry_out(job.pk)
    services.abort(now(job))
    Job.objects.update(due=None)  # as when it was stopped there

    runner.carry_out(services.retry(now(job)).pk)

    assert now(job).remote_id == "r2"
    assert kinds.cluster.marks == {"r1": str(job.pk), "r2": f"{job.pk}.2"}


def test_what_is_still_being_stopped_cannot_be_retried_yet():
    job = services.submit("test.remote", {}, peer="slurm")
    runner.carry_out(job.pk)
    services.abort(now(job))

    with pytest.raises(WrongPhase, match="still being stopped at slurm"):
        services.retry(job)

    assert now(job).phase == "ABORTED"


@pytest.mark.parametrize("phase", [Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED, Phase.HELD])
def test_where_nothing_failed_nothing_is_retried(phase):
    job = Job.objects.create(kind="test.work", phase=phase)

    with pytest.raises(WrongPhase, match="nothing of it failed"):
        services.retry(job)

    assert now(job).round == 1


def test_a_retry_counts_as_work_in_flight(ada, settings):
    job = services.submit("test.work", {}, ada)
    end(job, Phase.ERROR)
    settings.JOBS_IN_FLIGHT = 1
    services.submit("test.work", {}, ada)

    with pytest.raises(TooManyRequests):
        services.retry(job)

    settings.JOBS_LIMITS = {"test.work": 0}
    with pytest.raises(SwitchedOff):
        services.retry(job)
    assert now(job).phase == "ERROR"


def test_a_retry_moves_the_destruction_time(settings):
    job = whole_of(1)
    end(parts_of(job)[0], Phase.ERROR)
    Job.objects.update(destruction=timezone.now() + timedelta(hours=1))

    services.retry(parts_of(job)[0])

    assert now(job).destruction - timezone.now() > timedelta(days=29)


def test_the_parts_of_a_job_that_ended_have_ended():
    job = whole_of(3)
    services.abort(job)

    assert {part.phase for part in parts_of(job)} <= set(ENDED)
