"""A real worker and a real clock show that they live, and a worker that was stopped is gone."""

import pytest

from esap.health.signs import clock_seen, workers_seen
from tests.integration.jobs.processes import START_SECONDS, Machine
from tests.support.database import file_database
from tests.support.waiting import wait_for


@pytest.fixture
def machine(tmp_path, django_db_setup, django_db_blocker, settings):
    settings.DATA_DIR = tmp_path
    with django_db_blocker.unblock(), file_database(tmp_path / "jobs.sqlite3") as environment:
        running = Machine(tmp_path, environment).start()
        try:
            yield running
        finally:
            running.end()


def test_they_are_seen_while_they_live(machine):
    assert wait_for(lambda: len(workers_seen()) == 1, START_SECONDS)
    assert wait_for(lambda: clock_seen() is not None, START_SECONDS)

    machine.worker.stop()

    assert workers_seen() == {}
