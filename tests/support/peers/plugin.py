"""Start the real peers that tests ask for, and tell at the end which ran.

A test asks for a peer by its fixture (`dachs`), which gives a `PeerInfo`, or by the marker
`peer("dachs")`, for instance on one parameter of many. Where the peer is absent the test is skipped
and counted. With ESAP_REQUIRE_PEERS=1 an absent peer fails the run.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.peers import PEERS, load, runs
from tests.support.peers.base import PeerInfo
from tests.support.peers.cache import PeerCache


class PeersOfTheRun:
    """The peers of one pytest run; with pytest-xdist, its workers share them."""

    def __init__(self, config: pytest.Config) -> None:
        worker = getattr(config, "workerinput", None)
        self.config = config
        self.is_worker = worker is not None
        self.owner: int = worker["peers_owner"] if worker else os.getpid()
        self.label = f"pytest-{self.owner}"
        self.executed: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._absent: dict[str, str | None] = {}

    def why_absent(self, name: str) -> str | None:
        if name not in self._absent:
            self._absent[name] = load(PEERS[name]).why_absent()
        return self._absent[name]

    def start(self, name: str) -> PeerInfo:
        peer = load(PEERS[name])
        if not PeerCache(name).is_prepared(peer):
            self._tell(f"Preparing {peer.title}: this is done once, and may take a minute.")
        return runs.start(name, PEERS[name], label=self.label, owner=self.owner).info

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist whose peers it shares."""
        node.workerinput["peers_owner"] = self.owner

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Mark a test by the fixtures it uses; its reports then say what it needs."""
        marked = {name for marker in item.iter_markers("peer") for name in marker.args}
        if unknown := marked - PEERS.keys():
            raise pytest.UsageError(f"{item.nodeid} needs an unknown peer: {', '.join(unknown)}")
        for name in sorted(PEERS.keys() & set(getattr(item, "fixturenames", ())) - marked):
            item.add_marker(pytest.mark.peer(name))
            marked.add(name)
        item.user_properties.extend(("peer", name) for name in sorted(marked))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        for name in _needs(item):
            if why := self.why_absent(name):
                pytest.skip(f"{name} is absent: {why}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or (report.when == "setup" and not report.passed):
            (self.skipped if report.skipped else self.executed).update(_needs(report))
            if report.failed:
                self.failed.update(_needs(report))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and self._lacking():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("real peers")
        for name in PEERS:
            terminalreporter.write_line(f"{name:12} {self._outcome(name)}")
        if lacking := self._lacking():
            terminalreporter.write_line(
                f"Failed, for ESAP_REQUIRE_PEERS is set: {', '.join(lacking)} absent.", red=True
            )

    def pytest_unconfigure(self) -> None:
        if not self.is_worker:
            for name in PEERS:
                runs.stop(name, self.label)

    def _outcome(self, name: str) -> str:
        if why := self.why_absent(name):
            return f"absent   {why}; {_tests(self.skipped[name])} skipped"
        if not self.executed[name]:
            return "idle     no test asked for it"
        running = runs.running(name, self.label)
        if running is None and self.failed[name]:
            return f"failed   {_tests(self.executed[name])} asked for it"
        if running is None:
            return f"here     not started: {_tests(self.executed[name])} only used what it installs"
        prepared = running.prepare_seconds
        first = f"prepared in {prepared:.1f} s, " if prepared >= 1 else ""
        return (
            f"ran      {running.info.version}, {first}started in {running.start_seconds:.1f} s; "
            f"{_tests(self.executed[name])}"
        )

    def _lacking(self) -> list[str]:
        if self.is_worker or os.environ.get("ESAP_REQUIRE_PEERS", "") in {"", "0"}:
            return []
        return [name for name in PEERS if self.why_absent(name)]

    def _tell(self, line: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        capture = self.config.pluginmanager.get_plugin("capturemanager")
        if reporter and capture:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(line)


RUN = pytest.StashKey[PeersOfTheRun]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = PeersOfTheRun(config)
    config.pluginmanager.register(config.stash[RUN], "peers-of-the-run")


def _needs(test: pytest.Item | pytest.TestReport) -> list[str]:
    return [str(value) for key, value in test.user_properties if key == "peer"]


def _tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


def _fixture(name: str) -> Callable[..., PeerInfo]:
    @pytest.fixture(scope="session", name=name)
    def running(pytestconfig: pytest.Config) -> PeerInfo:
        return pytestconfig.stash[RUN].start(name)

    return running


globals().update({f"_{name}": _fixture(name) for name in PEERS})
