"""A gateway that knows the test IAM."""

import pytest

from tests.support.accounts import Browser, connection_entry, provider_entry, write_accounts
from tests.support.iam import Iam


@pytest.fixture
def idp(iam):
    """The shared provider, whose counters begin at nothing."""
    provider = Iam(iam.url)
    yield provider
    provider.http.close()


@pytest.fixture
def configured(tmp_path, settings):
    """A function that makes the gateway know a provider and a connection, with changes."""

    def configure(provider, client="esap", connection=None, **changes):
        entries = {
            "providers": [provider_entry(provider, client, **changes)],
            "connections": [connection_entry(provider, **(connection or {}))],
        }
        settings.ENTRY_FILES = [write_accounts(tmp_path, **entries)]
        return provider

    return configure


@pytest.fixture
def gateway(idp, configured):
    """The shared provider, known to the gateway."""
    return configured(idp)


@pytest.fixture
def browser():
    """A browser that nobody has logged in with."""
    return Browser()
