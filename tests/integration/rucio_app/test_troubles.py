"""A lake that goes away and comes back, logins that end in mid-staging."""

import pytest

from esap.jobs import services as jobs
from esap.jobs.models import Job
from esap.jobs.runner import carry_out
from tests.integration.rucio_app.conftest import Client
from tests.integration.rucio_app.test_staging import stage
from tests.support.fakes.http import FakePeer, chunked
from tests.support.road import Road
from tests.support.rucio import unique

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]


@pytest.fixture
def road(lake):
    road = Road(lake.url)
    yield road
    road.close()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr("esap.backends.retries._FIRST_PAUSE", 0.01)


def test_a_lake_that_goes_away_in_mid_staging_is_waited_for(lake, configured, alice, worker, road):
    file = unique("file")
    lake.files({file: b"x"})
    configured(url=road.url)
    with lake.held():
        staging = stage(alice, file)
        worker.hand_over(staging)
        worker.look()
        road.close()

        worker.look()

        (part,) = worker.parts(staging)
        assert (part.phase, part.remote_id != "") == ("EXECUTING", True)
        assert part.waits_for.startswith("lake is away since")
    road.open()

    worker.follow(staging, "COMPLETED", within=90)

    assert len(lake.rules(file, account="alice")) == 1


def test_a_lake_that_is_away_when_a_staging_is_handed_over_is_asked_later(
    lake, configured, alice, worker, road
):
    file = unique("file")
    lake.files({file: b"x"})
    configured(url=road.url)
    staging = stage(alice, file)
    road.close()

    (part,) = worker.hand_over(staging)

    assert (part.phase, part.remote_id) == ("QUEUED", "")
    assert lake.rules(file, account="alice") == []


def test_a_list_that_breaks_off_is_no_shorter_list(configured, alice):
    with FakePeer(chunked(b'{"scope": "escape", "name": "a", "did_type": "FILE"}\n{"sc')) as fake:
        configured(url=fake.url)

        answer = alice.get("lakes/lake/dids/", scope="escape")

    assert (answer.status_code, answer.json()["slug"]) == (502, "unreadable-answer")


def test_a_login_that_ended_holds_a_staging_until_the_next(lake, alice, issuer, worker):
    file = unique("file")
    lake.files({file: b"x"})
    staging = stage(alice, file)
    issuer.revoke_user("alice")
    # What was made of the login is used while it is good; here it is not any more.
    job = Job.objects.get(pk=staging)
    job.owner.grants.all().delete()

    (part,) = worker.hand_over(staging)

    assert (part.phase, part.remote_id) == ("HELD", "")
    assert "Log in again" in part.waits_for
    Client("alice")
    jobs.resume(job.owner)
    carry_out(part.pk)
    worker.follow(staging, "COMPLETED")


def test_a_staging_under_way_is_followed_after_its_users_login_has_ended(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    with lake.held():
        staging = stage(alice, file)
        worker.hand_over(staging)
        Job.objects.get(pk=staging).owner.grants.all().delete()

    worker.follow(staging, "COMPLETED")

    assert lake.bytes_at("ESAP-COMPUTE", file) == b"x"


def test_without_an_account_of_the_gateways_a_staging_is_held_for_its_user(
    lake, configured, alice, worker
):
    file = unique("file")
    lake.files({file: b"x"})
    configured(service=None)
    with lake.held():
        staging = stage(alice, file)
        worker.hand_over(staging)
        worker.look()
        (part,) = worker.parts(staging)
        assert part.phase == "EXECUTING"
        Job.objects.get(pk=staging).owner.grants.all().delete()

        worker.look()

        (part,) = worker.parts(staging)
        assert (part.phase, "Log in again" in part.waits_for) == ("HELD", True)
