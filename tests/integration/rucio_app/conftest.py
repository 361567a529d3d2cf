"""A gateway that knows the real Rucio, and users who have logged in."""

import json

import pytest

from tests.support.accounts import Browser
from tests.support.iam import Iam
from tests.support.lakes import lake_entry, write_lakes
from tests.support.rucio import Lake

API = "/esap-api/rucio"


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
    lake = Lake(rucio.url, rucio.links["site"])
    yield lake
    lake.close()


@pytest.fixture(scope="session")
def issuer(rucio):
    """The provider whose tokens Rucio takes."""
    iam = Iam(rucio.links["iam"])
    yield iam
    iam.http.close()


@pytest.fixture
def configured(tmp_path, settings, lake, issuer):
    """A function that makes the gateway know the lake by an entry with changes."""

    def configure(**changes):
        settings.ENTRY_FILES = write_lakes(
            tmp_path, issuer, lake_entry(tmp_path, lake.url, **changes)
        )

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
