"""Fake peers, and the sessions that talk to them."""

import time
from contextlib import ExitStack, contextmanager

import pytest

from esap.backends.base import BackendConfig
from esap.backends.http import open_session
from tests.support.fakes.http import FakePeer


@pytest.fixture
def serve():
    """Start a fake peer that ends with the test."""
    with ExitStack() as stack:
        yield lambda script, **options: stack.enter_context(FakePeer(script, **options))


@pytest.fixture
def session_for():
    """Open a session for a fake peer, as for an entry that an operator wrote."""
    with ExitStack() as stack:

        def open_(peer, *, proxy="", ca_bundle="", **changes):
            url = peer if isinstance(peer, str) else peer.url
            values = {"id": "fake", "type": "tap", "title": "Fake Archive", "url": url}
            config = BackendConfig(**{**values, "private_network": True, **changes})
            session = open_session(config, proxy=proxy, ca_bundle=str(ca_bundle))
            return stack.enter_context(session)

        yield open_


@pytest.fixture
def talk(serve, session_for):
    """Start a fake peer and open a session for it."""

    def start(script, **changes):
        peer = serve(script)
        return peer, session_for(peer, **changes)

    return start


@contextmanager
def _takes(seconds, within=0.25):
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    # A busy machine may not run a thread for a while; what hangs takes many times as long.
    assert seconds - 0.02 <= took < seconds + within + 0.75, f"took {took:.3f} s"


@pytest.fixture
def takes():
    """Assert that a block takes so many seconds, and at most a quarter more."""
    return _takes
