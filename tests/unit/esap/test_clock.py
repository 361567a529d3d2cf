"""The clock does again and again what is to be done, and one failure stops nothing else."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from django.conf import settings
from django.db import OperationalError

from esap.clock import ALIVE, Clock, Periodic, scheduled
from tests.support.database import file_database
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def going(tmp_path, monkeypatch):
    """Return a function that lets a clock go with some work, until the test ends."""
    monkeypatch.setattr("esap.clock._TICK_SECONDS", 0.01)
    stopped = threading.Event()
    threads = []

    def start(*work):
        clock = Clock(list(work), tmp_path / ALIVE)
        threads.append(threading.Thread(target=clock.run, args=(stopped,)))
        threads[0].start()

    yield start
    stopped.set()
    for thread in threads:
        thread.join()


def test_what_is_done_often_is_done_at_once_and_again(going):
    done = []

    going(Periodic("often", 0.05, lambda: done.append(time.monotonic())))

    assert wait_for(lambda: len(done) >= 3)
    assert min(after - before for before, after in itertools.pairwise(done)) > 0.03


def test_what_is_done_once_a_day_is_not_done_at_the_start(going):
    done = []

    going(Periodic("daily", 86400, lambda: done.append(1)), Periodic("often", 0.01, int))
    time.sleep(0.2)

    assert done == []


def test_nothing_is_done_twice_at_the_same_time_and_nothing_waits_for_another(going):
    slow, quick, release = [], [], threading.Event()

    def wait():
        slow.append(1)
        release.wait(5)

    going(Periodic("slow", 0.01, wait), Periodic("quick", 0.01, lambda: quick.append(1)))

    assert wait_for(lambda: len(quick) >= 5)
    assert len(slow) == 1
    release.set()
    assert wait_for(lambda: len(slow) > 1)


@pytest.mark.parametrize("error", [OperationalError("the database is away"), ZeroDivisionError()])
def test_what_fails_is_tried_again_and_stops_nothing_else(going, error):
    failed, done = [], []

    def fail():
        failed.append(1)
        raise error

    going(Periodic("fails", 0.01, fail), Periodic("works", 0.01, lambda: done.append(1)))

    assert wait_for(lambda: len(failed) >= 2)
    assert wait_for(lambda: len(done) >= 2)


def test_it_shows_that_it_is_alive(going, tmp_path):
    going(Periodic("often", 0.01, int))

    assert wait_for((tmp_path / ALIVE).exists)


def test_work_that_hangs_stops_the_sign_of_life_and_nothing_else(going, tmp_path, monkeypatch):
    monkeypatch.setattr("esap.clock._HANGS_SECONDS", 0.2)
    done, release = [], threading.Event()
    going(
        Periodic("hangs", 0.01, lambda: release.wait(10)),
        Periodic("works", 0.01, lambda: done.append(1)),
    )
    time.sleep(0.4)
    (tmp_path / ALIVE).unlink()
    before = len(done)

    time.sleep(0.2)

    assert not (tmp_path / ALIVE).exists()
    assert len(done) > before
    release.set()
    assert wait_for((tmp_path / ALIVE).exists)


def test_a_folder_that_takes_no_sign_of_life_stops_nothing(going, tmp_path):
    tmp_path.rmdir()
    done = []

    going(Periodic("works", 0.01, lambda: done.append(1)))

    assert wait_for(lambda: len(done) >= 2)


def test_when_it_ends_it_waits_a_moment_for_what_runs(tmp_path):
    ended = threading.Event()

    def work():
        time.sleep(0.3)
        ended.set()

    stopped = threading.Event()
    clock = Clock([Periodic("slow", 10, work)], tmp_path / ALIVE)
    clock.tick()
    stopped.set()

    clock.run(stopped)

    assert ended.is_set()


def test_all_that_settings_name_can_be_done():
    work = scheduled(settings.CELERY_BEAT_SCHEDULE)

    assert {one.name for one in work} == set(settings.CELERY_BEAT_SCHEDULE)
    assert all(callable(one.do) for one in work)


def test_the_program_goes_until_it_is_told_to_end(tmp_path, django_db_blocker):
    with django_db_blocker.unblock(), file_database(tmp_path / "esap.sqlite3") as environment:
        program = subprocess.Popen(
            [sys.executable, "-m", "esap.clock"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "esap.settings.test"},
        )
        try:
            assert wait_for((tmp_path / ALIVE).exists, 60)
            os.kill(program.pid, signal.SIGTERM)
            assert program.wait(timeout=30) == 0
        finally:
            program.kill()
            program.wait()
