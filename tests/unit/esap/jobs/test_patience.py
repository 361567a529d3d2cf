"""A worker outlasts a restart of the database; a request says at once that it cannot serve."""

import pytest
from django.db import InterfaceError, OperationalError, transaction

from esap.jobs import moves, patience, runner, services
from esap.jobs.models import Event, Job
from esap.jobs.patience import patient, patiently

pytestmark = pytest.mark.usefixtures("shared_database")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(patience, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("esap.jobs.making.ring", lambda job_ids: 0)


class Restarting:
    """What fails so many times, and then returns how often it was tried."""

    def __init__(self, times, error=OperationalError):
        self.times, self.error, self.tried = times, error, 0

    def __call__(self):
        self.tried += 1
        if self.tried <= self.times:
            raise self.error("the database is starting up")
        return self.tried


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_who_has_patience_waits_for_the_database(error):
    with patiently(5):
        assert patient(Restarting(3, error))() == 4


def test_who_has_none_is_told_at_once():
    attempts = Restarting(1)

    with pytest.raises(OperationalError):
        patient(attempts)()

    assert attempts.tried == 1


def test_patience_ends():
    attempts = Restarting(10**9)

    with patiently(0.1), pytest.raises(OperationalError):
        patient(attempts)()

    assert attempts.tried > 1


def test_within_a_transaction_nothing_is_tried_again():
    attempts = Restarting(1)

    with patiently(5), pytest.raises(OperationalError), transaction.atomic():
        patient(attempts)()

    assert attempts.tried == 1


def test_other_errors_are_not_the_databases_absence():
    attempts = Restarting(1, ZeroDivisionError)

    with patiently(5), pytest.raises(ZeroDivisionError):
        patient(attempts)()

    assert attempts.tried == 1


def test_a_job_whose_end_the_database_did_not_take_at_first_has_ended_once(monkeypatch):
    job = services.submit("test.work", {})
    real = Event.objects.bulk_create
    failures = iter([True, True])

    def sometimes(events):
        events = list(events)
        ends = any(event.data == {"phase": "COMPLETED"} for event in events)
        if ends and next(failures, False):
            raise OperationalError("terminating connection")
        return real(events)

    monkeypatch.setattr(Event.objects, "bulk_create", sometimes)

    runner.carry_out(job.pk)

    assert Job.objects.get().phase == "COMPLETED"
    phases = [event.data["phase"] for event in job.events.filter(name="phase")]
    assert phases == ["QUEUED", "EXECUTING", "COMPLETED"]
    assert not moves.is_wanted(job)
