"""Whatever is killed in mid-staging, it ends right, with exactly one rule for each DID."""

import pytest

from esap.jobs.models import Job
from tests.integration.jobs.processes import Machine
from tests.integration.rucio_app.conftest import Client
from tests.integration.rucio_app.test_staging import stage
from tests.support import database
from tests.support.lakes import lake_entry, write_lakes
from tests.support.road import Road
from tests.support.rucio import unique
from tests.support.waiting import wait_for

SECONDS = 120.0


@pytest.fixture
def road(lake):
    road = Road(lake.url)
    yield road
    road.close()


@pytest.fixture
def entries(tmp_path, settings, road, issuer, monkeypatch):
    settings.ENTRY_FILES = write_lakes(tmp_path, issuer, lake_entry(tmp_path, road.url))
    # In this process, work that is rung for would be done at once. The sweeper rings, too.
    monkeypatch.setattr("esap.jobs.making.ring", lambda job_ids: 0)
    return settings.ENTRY_FILES[0]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))])
def own_database(request, tmp_path, django_db_setup, django_db_blocker):
    """A database that this process shares with others; it gives their environment."""
    with django_db_blocker.unblock():
        if request.param == "sqlite":
            own = database.file_database(tmp_path / "jobs.sqlite3")
        else:
            own = database.postgres_database(request.getfixturevalue("postgres").url, tmp_path)
        with own as environment:
            yield environment


@pytest.fixture
def machine(tmp_path, entries, own_database):
    """Broker, worker and clock as real processes."""
    own = {**own_database, "ESAP_PEERS": str(entries), "ESAP_DEFAULT_PEERS": "false"}
    machine = Machine(tmp_path, own)
    machine.environment["DJANGO_SETTINGS_MODULE"] = "tests.integration.rucio_app.settings"
    machine.start()
    try:
        yield machine
    finally:
        machine.end()


def test_a_worker_killed_and_a_broker_emptied_in_mid_staging_make_no_second_rule(
    machine, lake, road
):
    names = [unique("file") for _ in range(3)]
    lake.files({name: name.encode() for name in names})
    alice = Client("alice")
    staging = stage(alice, *names)

    # The lake has heard, and nobody has heard that it has.
    road.answers.clear()
    assert wait_for(lambda: any(lake.rules(name, account="alice") for name in names), SECONDS)
    machine.worker.kill()
    machine.lose_all_messages()
    road.answers.set()
    machine.start_broker()
    machine.worker.start()

    def phase():
        return Job.objects.get(pk=staging).phase

    assert wait_for(lambda: phase() == "COMPLETED", SECONDS), [
        (part.phase, part.waits_for, part.problem) for part in Job.objects.filter(parent=staging)
    ]
    assert [len(lake.rules(name, account="alice")) for name in names] == [1, 1, 1]
    assert [lake.bytes_at("ESAP-COMPUTE", name) for name in names] == [
        name.encode() for name in names
    ]
