"""A gateway that knows the real Rucio, and users who have logged in."""

import json
import time
from contextlib import nullcontext
from itertools import count

import pytest
from django.utils import timezone

from esap.backends.http import PeerSession
from esap.jobs import handover
from esap.jobs.following import look_after
from esap.jobs.models import Job, Watch
from esap.jobs.runner import carry_out
from tests.support.accounts import Browser
from tests.support.iam import Iam
from tests.support.lakes import add_home, lake_entry, write_lakes
from tests.support.rucio import Lake
from tests.support.vendors import vendors

API = "/esap-api/rucio"

vendor = vendors()  # for the modules that ask for it: `pytest.mark.usefixtures("vendor")`


class Client:
    """Somebody at the gateway: after a login, or without one."""

    def __init__(self, user: str = "") -> None:
        self.browser = Browser()
        if user:
            self.browser.log_in(user)

    def get(self, path: str, **params: object):
        return self.browser.gateway.get(f"{API}/{path}", params, headers=_JSON)

    def post(self, path: str, body: object, **headers: str):
        return self.browser.gateway.post(
            f"{API}/{path}",
            json.dumps(body),
            content_type="application/json",
            headers={**_JSON, **headers},
        )


_JSON = {"accept": "application/json"}


@pytest.fixture(scope="session")
def lake(rucio):
    """The Rucio that all tests share, asked directly."""
    return Lake(rucio.url, rucio.links["site"])


@pytest.fixture(scope="session")
def issuer(rucio):
    """The provider whose tokens Rucio takes."""
    iam = Iam(rucio.links["iam"])
    yield iam
    iam.http.close()


@pytest.fixture(scope="session")
def home(rucio, lake):
    """A storage element where users may bring files."""
    return add_home(lake, rucio.links["storage"])


@pytest.fixture
def configured(tmp_path, settings, lake, issuer):
    """A function that makes the gateway know the lake by an entry with changes."""
    numbers = count()

    def configure(**changes):
        # A file is read once.
        folder = tmp_path / f"entries{next(numbers)}"
        folder.mkdir()
        entry = lake_entry(folder, changes.pop("url", lake.url), **changes)
        settings.ENTRY_FILES = write_lakes(folder, issuer, entry)

    return configure


@pytest.fixture
def gateway(configured):
    """The lake, known to the gateway by its usual entry."""
    configured()


@pytest.fixture
def alice(gateway, db):
    return Client("alice")


@pytest.fixture
def bob(gateway, db):
    return Client("bob")


@pytest.fixture
def nobody(gateway, db):
    return Client()


@pytest.fixture
def asked_of_rucio(monkeypatch, lake):
    """What the gateway asks of the lake: each request with its method and path."""
    asked = []
    request = PeerSession.request

    def noted(self, method, url, *args, **kwargs):
        if url.startswith(lake.url):
            asked.append((method, url.removeprefix(lake.url)))
        return request(self, method, url, *args, **kwargs)

    monkeypatch.setattr(PeerSession, "request", noted)
    return asked


class Worker:
    """What worker and clock do, one step at a time, in the test's own process."""

    def hand_over(self, staging: str) -> list[Job]:
        """Hand over the parts that wait for it; return all parts as they then are."""
        for part in self.parts(staging):
            if part.phase == "QUEUED" and not part.remote_id:
                carry_out(part.pk)
        return self.parts(staging)

    def look(self) -> None:
        """Take a turn at the lake, now."""
        Watch.objects.get_or_create(follower="rucio", peer="lake")
        Watch.objects.update(due=timezone.now(), lease=None)
        look_after("rucio", "lake")

    def parts(self, staging: str) -> list[Job]:
        return list(Job.objects.filter(parent=staging).order_by("created", "pk"))

    def follow(self, staging: str, phase: str, within: float = 60) -> Job:
        """Look until the staging is in a phase; return it."""
        end = time.monotonic() + within
        while (job := Job.objects.get(pk=staging)).phase != phase:
            told = [(part.phase, part.waits_for, part.problem) for part in self.parts(staging)]
            assert time.monotonic() < end, f"{job.phase}: {told}"
            self.hand_over(staging)
            self.look()
            time.sleep(0.2)
        return job


@pytest.fixture
def worker(monkeypatch):
    # On PostgreSQL, whoever keeps jobs asks by a connection of its own, which sees nothing of a
    # test's transaction: what takes more than a second would be taken for aborted.
    monkeypatch.setattr(handover.keeper, "keeping", lambda job, lost: nullcontext())
    return Worker()
