"""A gateway that knows the test IAM."""

import re
from itertools import count

import pytest

from tests.support.accounts import Browser, connection_entry, provider_entry, write_accounts
from tests.support.iam import Iam
from tests.support.own_iam import own_instance

SECRETS = re.compile(r"\beyJ[\w-]+\.|secret-of-the-tests|code=\w|refresh_token=\w")


@pytest.fixture(scope="session")
def idp(iam):
    """The shared provider, whose counters and failures are not for single tests."""
    provider = Iam(iam.url)
    yield provider
    provider.http.close()


@pytest.fixture(scope="module")
def module_iam(iam):
    """A provider of the module's own."""
    with own_instance() as provider:
        yield provider
        provider.http.close()


@pytest.fixture
def own(module_iam):
    """The module's provider: its counters begin at nothing, and no change to it lasts."""
    before = module_iam.settings()
    module_iam.forget_hits()
    yield module_iam
    module_iam.clear_faults()
    if module_iam.settings() != before:
        module_iam.settings(**before)


@pytest.fixture
def configured(tmp_path, settings):
    """A function that makes the gateway know a provider and a connection, with changes."""
    numbers = count()

    def configure(provider, client="esap", connection=None, others=(), **changes):
        entries = {
            "providers": [provider_entry(provider, client, **changes), *others],
            "connections": [connection_entry(provider, **(connection or {}))],
        }
        # A file is read once.
        folder = tmp_path / f"entries{next(numbers)}"
        folder.mkdir()
        settings.ENTRY_FILES = [write_accounts(folder, **entries)]
        return provider

    return configure


@pytest.fixture
def gateway(idp, configured):
    """The shared provider, known to the gateway."""
    return configured(idp)


@pytest.fixture
def breakable(own, configured):
    """The module's provider, known to the gateway, for tests that count or make it fail."""
    return configured(own)


@pytest.fixture
def browser():
    """A browser that nobody has logged in with."""
    return Browser()


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    """Let calls be made again at once; how long they wait is tested elsewhere."""
    monkeypatch.setattr("esap.backends.retries._FIRST_PAUSE", 0.01)


@pytest.fixture(autouse=True)
def no_secret_is_logged(caplog):
    """Fail every test here after which a token, a code or our secret stands in the log."""
    yield
    found = SECRETS.findall("\n".join(r.getMessage() for r in caplog.get_records("call")))
    assert not found
