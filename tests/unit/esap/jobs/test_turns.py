"""Each peer is asked in its turn, and a slow one delays no other."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils import timezone

from esap.jobs import runner, services, tasks, turns
from esap.jobs.models import Job, Watch
from tests.support.waiting import wait_for
from tests.unit.esap.jobs.kinds import cluster

pytestmark = pytest.mark.usefixtures("shared_database")


@pytest.fixture(autouse=True)
def not_rung(monkeypatch):
    monkeypatch.setattr("esap.jobs.making.ring", lambda job_ids: 0)


@pytest.fixture(autouse=True)
def own_threads(monkeypatch):
    """Threads of before have connections to the database of before."""
    with ThreadPoolExecutor(4) as pool:
        monkeypatch.setattr(turns, "_pool", pool)
        yield


def at_peer(peer):
    runner.carry_out(services.submit("test.remote", {}, peer=peer).pk)


def due_now():
    Watch.objects.update(due=timezone.now() - timedelta(seconds=1))


def test_a_peer_whose_turn_has_come_is_asked_and_another_is_not():
    at_peer("slurm")
    tasks.ask_peers()
    assert not wait_for(lambda: cluster.asked, 0.2)

    due_now()
    tasks.ask_peers()

    assert wait_for(lambda: cluster.asked == [["r1"]], 10)


def test_a_peer_that_hangs_keeps_no_other_waiting_and_is_not_asked_a_second_time(monkeypatch):
    at_peer("slow")
    at_peer("quick")
    due_now()
    hangs, asked = threading.Event(), []

    def follow(peer, jobs):
        asked.append(peer)
        if peer == "slow":
            hangs.wait(20)
        return {}

    monkeypatch.setattr(cluster, "follow", follow)

    assert turns.ask_peers() == 2
    assert wait_for(lambda: "quick" in asked, 10)
    assert wait_for(lambda: ("cluster", "quick") not in turns._under_way, 10)
    due_now()
    assert turns.ask_peers() == 1

    hangs.set()
    assert wait_for(lambda: not turns._under_way, 10)
    assert asked.count("slow") == 1


def test_a_bug_in_one_room_is_logged_and_changes_no_job(monkeypatch, caplog):
    at_peer("slurm")
    due_now()

    def stumble(peer, jobs):
        raise ZeroDivisionError

    monkeypatch.setattr(cluster, "follow", stumble)

    turns.ask_peers()

    assert wait_for(lambda: not turns._under_way, 10)
    assert Job.objects.get().phase == "QUEUED"
    assert any("bug" in str(record.msg) for record in caplog.records)
