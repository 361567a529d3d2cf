"""Operators see which jobs are stuck and why, and can hurry and abort them."""

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Role, User
from esap.jobs import services, sweeper
from esap.jobs.models import Job, Phase, Watch
from esap.jobs.stuck import REASONS, all_stuck, with_reasons

PAGE = "/esap-api/admin/jobs/job/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_broker(monkeypatch):
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 0)
    monkeypatch.setattr(sweeper, "ring", len)


@pytest.fixture
def operator(client):
    user = User.objects.create_user("olga", is_staff=True, role=Role.OPERATOR)
    client.force_login(user)
    return user


def ago(**duration):
    return timezone.now() - timedelta(**duration)


def job(phase, since=None, **members):
    made = Job.objects.create(kind=members.pop("kind", "test.work"), phase=phase, **members)
    made.events.create(name="phase", data={"phase": phase}, time=since or timezone.now())
    return made


def lost():
    return job(Phase.EXECUTING, lease=uuid4(), due=ago(seconds=90))


def overlooked():
    return job(Phase.QUEUED, due=ago(seconds=70))


def queued_too_long():
    return job(Phase.QUEUED, since=ago(minutes=11), due=timezone.now())


def unknown():
    return job(Phase.UNKNOWN, peer="slurm", remote_id="7")


def at_a_peer_that_is_away():
    Watch.objects.create(follower="cluster", peer="slurm", away_since=ago(hours=1))
    return job(Phase.EXECUTING, peer="slurm", remote_id="7", waits_for="slurm is down.")


def still_to_be_stopped():
    return job(Phase.ABORTED, ended=ago(hours=1), due=ago(minutes=11), peer="slurm")


STUCK = {
    "lease": lost,
    "overdue": overlooked,
    "queue": queued_too_long,
    "unknown": unknown,
    "away": at_a_peer_that_is_away,
    "leftover": still_to_be_stopped,
}


def well():
    """Make jobs that go on as they should."""
    job(Phase.COMPLETED, ended=ago(hours=1))
    job(Phase.EXECUTING, lease=uuid4(), due=ago(seconds=5))
    job(Phase.QUEUED, due=ago(seconds=5))
    job(Phase.QUEUED, since=ago(hours=2), due=timezone.now(), waits_for="The kind is off.")
    job(Phase.EXECUTING, peer="rucio", remote_id="8")
    job(Phase.ABORTED, ended=ago(seconds=5), due=ago(seconds=5), peer="slurm")


def test_every_reason_is_tried_here():
    assert STUCK.keys() == REASONS.keys()


@pytest.mark.parametrize("reason", STUCK)
def test_a_stuck_job_is_found_by_its_reason_and_by_any(reason):
    well()
    stuck = STUCK[reason]()

    jobs = with_reasons(Job.objects.all())

    assert list(all_stuck(jobs, reason)) == [stuck]
    assert list(all_stuck(jobs)) == [stuck]
    assert with_reasons(Job.objects).get(pk=stuck.pk).stuck == reason


@pytest.mark.parametrize("reason", STUCK)
def test_the_admin_shows_it_with_the_reason_in_words(client, operator, reason):
    well()
    stuck = STUCK[reason]()

    answer = client.get(PAGE, {"stuck": reason})

    page = unescape(answer.content.decode())
    assert re.findall(rf'href="{PAGE}([^/]+)/change/', page) == [str(stuck.pk)]
    assert REASONS[reason].sentence in page


def test_the_page_of_a_job_says_why_it_is_stuck(client, operator):
    stuck = at_a_peer_that_is_away()

    page = unescape(client.get(f"{PAGE}{stuck.pk}/change/").content.decode())

    assert f"{REASONS['away'].sentence} slurm is down." in page


def do(client, action, *jobs):
    return client.post(
        PAGE, {"action": action, "_selected_action": [one.pk for one in jobs]}, follow=True
    )


def test_an_operator_aborts_jobs_and_the_owner_can_read_who_did(client, operator, ada):
    running = services.begin("test.work", {}, ada)
    ended = job(Phase.COMPLETED, ended=timezone.now())

    page = do(client, "abort", running, ended).content.decode()

    running.refresh_from_db()
    assert running.phase == Phase.ABORTED
    assert running.events.filter(data={"sentence": "An operator aborted the job."}).exists()
    event = AuditEvent.objects.get(action="job.aborted")
    assert (event.user, event.detail) == (ada, {"by": operator.pk, "job": str(running.pk)})
    assert "Aborted: 1." in page
    assert f"Job {ended.pk} is COMPLETED, which does not allow this." in page


def test_an_operator_has_jobs_looked_after_without_the_clock(client, operator):
    lost_for_good = job(Phase.EXECUTING, lease=uuid4(), due=ago(hours=1), silent=True)
    waiting = job(Phase.QUEUED, due=timezone.now() + timedelta(hours=1), attempt=1)

    page = do(client, "look_after", lost_for_good, waiting).content.decode()

    lost_for_good.refresh_from_db()
    assert (lost_for_good.phase, lost_for_good.problem["slug"]) == (Phase.ERROR, "work-lost")
    assert "Looked after. The sweeper found lost: 1, rung: 1." in page


def test_a_job_that_is_being_carried_out_is_not_taken_from_its_worker(client, operator, ada):
    running = services.begin("test.work", {}, ada)

    do(client, "look_after", running)

    assert services.is_wanted(running)


@pytest.mark.parametrize("action", ["abort", "look_after"])
def test_staff_who_are_no_operators_do_nothing(client, ada, action):
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    client.force_login(User.objects.get(pk=ada.pk))
    running = services.begin("test.work", {}, ada)

    answer = do(client, action, running)

    assert answer.status_code == 403
    assert services.is_wanted(running)
    assert not AuditEvent.objects.filter(action="job.aborted").exists()
