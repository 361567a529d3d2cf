"""Whoever carries out jobs gives signs of life, and notices when a job is no longer theirs."""

import threading
from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from esap.jobs import leases, moves, services
from esap.jobs.leases import Keeper
from esap.jobs.models import Job
from tests.support.waiting import wait_for

pytestmark = pytest.mark.usefixtures("shared_database")


@pytest.fixture(autouse=True)
def quick(monkeypatch, settings):
    monkeypatch.setattr(leases, "ASK_SECONDS", 0.02)
    settings.JOB_LEASE_SECONDS = 0.4


@pytest.fixture
def keeper():
    return Keeper()


def claimed():
    return moves.claim(services.submit("test.again", {}).pk)


def kept(job):
    return Job.objects.get(pk=job.pk)


@pytest.fixture(autouse=True)
def not_rung(monkeypatch):
    monkeypatch.setattr("esap.jobs.making.ring", lambda job_ids: 0)


def test_a_job_that_is_kept_stays_ours_for_longer_than_one_lease(keeper):
    job = claimed()
    with keeper.keeping(job, pytest.fail):
        first = kept(job).due

        assert wait_for(lambda: kept(job).due > first + timedelta(seconds=0.4))

    assert kept(job).lease == job.lease


def test_a_sign_of_life_takes_the_doubt_away(keeper):
    job = claimed()
    Job.objects.update(silent=True)

    with keeper.keeping(job, pytest.fail):
        assert wait_for(lambda: not kept(job).silent)


def test_an_abort_is_noticed(keeper):
    job, lost = claimed(), threading.Event()
    with keeper.keeping(job, lost.set):
        moves.abort(kept(job))

        assert lost.wait(10)


def test_a_job_given_to_another_is_noticed_and_left_alone(keeper):
    job, lost = claimed(), threading.Event()
    with keeper.keeping(job, lost.set):
        Job.objects.update(lease=job.pk, due=timezone.now())

        assert lost.wait(10)

    assert kept(job).lease == job.pk


def test_a_job_that_was_deleted_is_noticed(keeper):
    job, lost = claimed(), threading.Event()
    with keeper.keeping(job, lost.set):
        Job.objects.all().delete()

        assert lost.wait(10)


def test_what_is_not_kept_any_more_is_not_told(keeper):
    job, lost = claimed(), threading.Event()
    other, looked = claimed(), threading.Event()
    with keeper.keeping(other, looked.set):
        with keeper.keeping(job, lost.set):
            pass
        moves.abort(kept(job))
        moves.abort(kept(other))

        assert looked.wait(10)
        assert not lost.wait(0.2)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_for_a_moment_loses_nothing(keeper, monkeypatch, error):
    job, lost = claimed(), threading.Event()
    asked = []
    look = keeper._look

    def sometimes():
        asked.append(connection.connection)
        if len(asked) < 5:
            connection.ensure_connection()
            raise error("restarting")
        look()

    monkeypatch.setattr(keeper, "_look", sometimes)
    with keeper.keeping(job, lost.set):
        assert wait_for(lambda: kept(job).due > job.due)

    assert asked[:5] == [None] * 5  # a connection that broke is not tried again
    assert not lost.is_set()


def test_a_thread_that_was_forgotten_while_it_slept_looks_after_nothing(keeper, monkeypatch):
    looked = []
    monkeypatch.setattr(keeper, "_look", lambda: looked.append(threading.current_thread()))
    old, new = claimed(), claimed()
    with keeper.keeping(old, pytest.fail):
        thread = keeper._thread
        keeper.reset()
        with keeper.keeping(new, pytest.fail):
            thread.join(10)
            assert wait_for(lambda: looked)

    assert thread not in looked


def test_one_careless_callback_does_not_end_the_others_leases(keeper):
    careless, job = claimed(), claimed()
    stumbled = threading.Event()

    def stumble():
        stumbled.set()
        raise ZeroDivisionError

    with keeper.keeping(careless, stumble), keeper.keeping(job, pytest.fail):
        moves.abort(kept(careless))
        assert stumbled.wait(10)
        first = kept(job).due

        assert wait_for(lambda: kept(job).due > first)


def test_work_begun_in_a_request_is_kept_as_long_as_somebody_holds_it(keeper, monkeypatch):
    # The process's own may still be busy with what earlier tests left in databases of theirs.
    monkeypatch.setattr(services, "keeper", keeper)
    held = [services.begin("test.again", {})]
    first = Job.objects.get().due
    assert wait_for(lambda: Job.objects.get().due > first)
    thread = keeper._thread

    held.clear()

    # A lease that has run out shows nothing while a prolongation may be on its way.
    thread.join(15)
    assert not thread.is_alive()
    assert wait_for(lambda: Job.objects.get().due < timezone.now())


def test_a_thread_that_could_not_be_started_is_started_for_the_next_job(keeper, monkeypatch):
    def full(thread):
        raise RuntimeError("can't start new thread")

    job = claimed()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", full)
        with pytest.raises(RuntimeError):
            keeper.keep(claimed())

    with keeper.keeping(job, pytest.fail):
        assert wait_for(lambda: kept(job).due > job.due)


def test_a_thread_whose_jobs_were_forgotten_leaves_new_ones_to_another(keeper):
    old, new = claimed(), claimed()
    with keeper.keeping(old, lambda: None):
        before = keeper._thread
        keeper.reset()
        with keeper.keeping(new, lambda: None):
            assert wait_for(lambda: not before.is_alive())
            assert keeper._thread.is_alive()


def test_there_is_no_thread_while_there_is_nothing_to_keep(keeper):
    with keeper.keeping(claimed(), lambda: None):
        thread = keeper._thread
        assert thread.is_alive()

    assert wait_for(lambda: not thread.is_alive())
