"""Two users, a caller whom nobody knows, and a provider that says what a test wants."""

import pytest
import yaml
from django.core.cache import cache

from tests.security.callers import Caller, make_user
from tests.security.holdings import ARCHIVE, MAPPING, fill
from tests.support.fakes.openid import FakeOpenID


@pytest.fixture
def provider():
    """A provider that may lie."""
    with FakeOpenID() as fake:
        yield fake


@pytest.fixture
def configured(provider, settings, tmp_path):
    """Have the gateway know the provider, a connection and an archive, with changes to the first.

    Nothing is configured but these.
    """

    def configure(**changes):
        file = tmp_path / "peers.yaml"
        accounts = {
            "providers": [provider.entry(**changes)],
            "connections": [provider.connection()],
        }
        query = {"mappings": [MAPPING], "archives": [ARCHIVE]}
        file.write_text(yaml.safe_dump({"accounts": accounts, "query": query}))
        settings.ENTRY_FILES = [file]
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
def adas(ada):
    """All that ada has."""
    return fill(ada)
