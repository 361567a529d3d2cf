"""A gateway that the real Rucio knows by a certificate, over TLS, and not by a password."""

from datetime import timedelta
from pathlib import Path

import pytest

from esap.health.peers import peers_named
from esap.health.pings import ping
from esap.jobs import services as jobs
from esap.jobs.models import Job
from tests.integration.rucio_app.test_staging import stage
from tests.support.authority import Authority
from tests.support.peers.rucio.certificates import ROBOT
from tests.support.rucio import unique
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def authority(rucio):
    """The authority that Rucio trusts."""
    return Authority(Path(rucio.links["authority"]).parent)


@pytest.fixture
def shown(rucio, configured):
    """A function that makes the gateway show a certificate to Rucio, and trust its authority."""

    def show(issued, **changes):
        service = {"account": "esap", "certificate": str(issued.file), "key": f"file:{issued.key}"}
        changes = {"ca_bundle": rucio.links["authority"], "service": service, **changes}
        configured(url=rucio.links["tls"], **changes)

    return show


def extend(client, worker):
    """Try what needs the gateway's own account; return whether it went, and what is said."""
    staging = stage(client, client.file, lifetime=120)
    worker.hand_over(staging)
    (told,) = client.post(f"stagings/{staging}/extend/", {"lifetime": 86_400}).json()["results"]
    return told["extended"], told["detail"]


@pytest.fixture
def alice(lake, alice):
    alice.file = unique("file")
    lake.files({alice.file: b"x"})
    return alice


def test_a_staging_is_made_followed_and_extended(lake, authority, shown, alice, worker):
    shown(authority.issue(ROBOT))
    staging = stage(alice, alice.file, lifetime=120)
    worker.follow(staging, "COMPLETED")
    (part,) = worker.parts(staging)
    before = lake.rule(part.remote_id)["expires_at"]

    (told,) = alice.post(f"stagings/{staging}/extend/", {"lifetime": 86_400}).json()["results"]

    assert (told["extended"], told["detail"]) == (True, "")
    assert lake.rule(part.remote_id)["expires_at"] != before
    assert lake.bytes_at("ESAP-COMPUTE", alice.file) == b"x"


def test_a_staging_is_aborted(lake, authority, shown, alice, worker):
    shown(authority.issue(ROBOT))
    with lake.held():
        staging = stage(alice, alice.file)
        (part,) = worker.hand_over(staging)

        jobs.abort(Job.objects.get(pk=staging))
        worker.look()

        assert wait_for(lambda: lake.status(f"/rules/{part.remote_id}") == 404, 30)


def test_a_renewed_certificate_is_taken_up_without_a_restart(authority, shown, alice, worker):
    issued = authority.issue(ROBOT, ends=timedelta(hours=-1))
    shown(issued)
    before = extend(alice, worker)

    renewed = authority.issue(ROBOT)
    issued.file.write_bytes(renewed.file.read_bytes())
    issued.key.write_bytes(renewed.key.read_bytes())

    assert before[0] is False
    assert extend(alice, worker) == (True, "")


def test_a_certificate_that_rucio_does_not_know_is_told_with_what_to_do(
    authority, shown, alice, worker
):
    shown(authority.issue("CN=somebody else,O=ESAP"))

    extended, detail = extend(alice, worker)

    assert extended is False
    assert detail == (
        "The lake does not know the gateway by its certificate. Its operators have to add the "
        "subject of the certificate, as their web server writes it (of type X509), to the account "
        "esap."
    )


def test_a_certificate_of_another_authority_is_not_taken(tmp_path, shown, alice, worker):
    shown(Authority(tmp_path / "other").issue(ROBOT))

    extended, detail = extend(alice, worker)

    assert extended is False
    assert detail == (
        "The lake does not take the gateway's certificate, or wants one (unknown ca). Tell the "
        "operator of the gateway."
    )


def test_an_expired_certificate_is_told_by_its_date_and_seen_in_health(
    authority, shown, alice, worker
):
    shown(authority.issue(ROBOT, ends=timedelta(hours=-1)))

    extended, detail = extend(alice, worker)

    assert extended is False
    assert detail.startswith(
        "The gateway cannot show its certificate to The lake: the certificate has expired (20"
    )
    (peer,) = peers_named("lake")
    assert ping(peer).error.startswith(
        "The lake answers, but the gateway cannot log in there with its own account: the "
        "certificate has expired (20"
    )


def test_a_certificate_that_went_away_is_seen_in_health(authority, shown, alice, worker):
    issued = authority.issue(ROBOT)
    shown(issued)
    (peer,) = peers_named("lake")
    assert ping(peer).error == ""

    issued.key.unlink()

    extended, detail = extend(alice, worker)

    assert extended is False
    assert detail == (
        "The gateway cannot show its certificate to The lake: the key of the certificate cannot "
        "be read. Tell the operator of the gateway."
    )
    assert "the key of the certificate cannot be read" in ping(peer).error


def test_a_server_that_the_named_authority_does_not_vouch_for_is_refused(
    tmp_path, authority, shown
):
    other = Authority(tmp_path / "other")
    shown(authority.issue(ROBOT), ca_bundle=str(other.file))

    (peer,) = peers_named("lake")

    assert ping(peer).error.startswith("The lake cannot be trusted (")
