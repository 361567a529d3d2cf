"""Two users, a caller whom nobody knows, and a provider that says what a test wants."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from django.core.cache import cache

from tests.security.callers import Caller, make_user
from tests.security.holdings import ARCHIVE, LAKE_TOKEN, MAPPING, RESERVE, VAULT, fill
from tests.support.fakes.openid import FakeOpenID
from tests.support.fakes.rucio import RSE, FakeRucio
from tests.support.lakes import lake_entry
from tests.support.stored import results_in


@pytest.fixture
def provider():
    """A provider that may lie."""
    with FakeOpenID() as fake:
        yield fake


@pytest.fixture
def fake_rucio():
    """The server behind both data lakes."""
    with FakeRucio() as fake:
        yield fake


@pytest.fixture
def configured(provider, fake_rucio, settings, tmp_path):
    """Have the gateway know the provider, with changes, a connection, two archives and two lakes.

    One of each two is for a group only: otherwise lists need not look at who asks. There is no
    more.
    """

    def configure(**changes):
        file = tmp_path / "peers.yaml"
        accounts = {
            "providers": [provider.entry(**changes)],
            "connections": [provider.connection()],
        }
        query = {"mappings": [MAPPING], "archives": [ARCHIVE, VAULT]}
        storage = {"storage": fake_rucio.storage, "storage_audience": "storage", "upload_rse": RSE}
        lakes = [
            lake_entry(tmp_path, fake_rucio.url, **storage),
            lake_entry(tmp_path, fake_rucio.url, **RESERVE),
        ]
        sections = {"accounts": accounts, "query": query, "rucio_app": {"lakes": lakes}}
        file.write_text(yaml.safe_dump(sections))
        settings.ENTRY_FILES = [file]
        results_in(settings, tmp_path)
        cache.clear()

    configure()
    return configure


@pytest.fixture
def ada(db, configured):
    """A user, in a browser in which she has logged in."""
    return Caller(make_user("ada"))


@pytest.fixture
def bob(db, configured):
    """Another user, who has no business with ada's things."""
    return Caller(make_user("bob"))


@pytest.fixture
def nobody(db, configured):
    """Somebody who has not logged in."""
    return Caller()


@pytest.fixture
def adas(ada, fake_rucio):
    """All that ada has."""
    fake_rucio.accounts[LAKE_TOKEN] = "ada"
    return fill(ada.user)


IN_PRODUCTION = """
import json, django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.urls import URLResolver, get_resolver
call_command("check", deploy=True, fail_level="WARNING")

def walk(resolver, before=""):
    for entry in resolver.url_patterns:
        here = before + str(entry.pattern)
        yield from walk(entry, here) if isinstance(entry, URLResolver) else [here]

told = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
routes = {each: list(walk(get_resolver(each))) for each in ("esap.urls", "esap.events.urls")}
print(json.dumps({"settings": told, "routes": routes}, default=str))
"""


@pytest.fixture(scope="session")
def production(tmp_path_factory):
    """Return settings and routes as they are in production, which `check --deploy` finds good."""
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("ESAP_")},
        "DJANGO_SETTINGS_MODULE": "esap.settings.prod",
        "ESAP_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "ESAP_SECRET_KEY": "a-key-of-the-tests-that-is-as-long-as-it-has-to-be-0123456789",
        "ESAP_BEHIND_PROXY": "true",
        "ESAP_ALLOWED_HOSTS": "esap.example.org",
    }
    command = [sys.executable, "-c", IN_PRODUCTION]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
