"""Instances of the test IAM that belong to one test, which may break them.

def test_it(own_iam):
    iam = own_iam(access_token_ttl=2)
    iam.fault("/token", status=503)
    iam.stop()
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.iam import Iam
from tests.support.peers.account import account
from tests.support.peers.cache import PeerCache
from tests.support.peers.iam import place, serve
from tests.support.peers.ports import free_port
from tests.support.peers.processes import Processes


class OwnIam(Iam):
    """An instance of one test, which may be stopped and started again at the same address."""

    def __init__(self, folder: Path, processes: Processes) -> None:
        self._folder = folder
        self._processes = processes
        self._port = free_port()
        super().__init__(serve(folder, processes, port=self._port))

    def stop(self) -> None:
        """Stop it: connections are refused from now on. Grants, sessions and keys are kept."""
        self.http.close()
        self._processes.end()

    def start(self) -> None:
        """Start it again, with the settings it had at first."""
        serve(self._folder, self._processes, port=self._port)


@contextmanager
def own_instance(**settings: object) -> Iterator[OwnIam]:
    """Start an instance with those settings, in half a second; the peer has to be prepared."""
    with (
        # Not `tmp_path`: only its owner may enter that, and peers of root run as somebody else.
        tempfile.TemporaryDirectory(prefix="esap-iam-") as name,
        Processes(Path(name), account()) as processes,
    ):
        folder = processes.account.folder(Path(name))
        place(PeerCache("iam").prepared, folder, processes, **settings)
        yield OwnIam(folder, processes)


@pytest.fixture
def own_iam(iam) -> Iterator[Callable[..., OwnIam]]:
    """Give a function that starts an instance for this test alone; its arguments are settings."""
    with ExitStack() as instances:
        yield lambda **settings: instances.enter_context(own_instance(**settings))
