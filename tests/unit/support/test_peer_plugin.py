import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.peers.cache import PeerCache
from tests.support.peers.processes import carriers
from tests.unit.support.patience import child, wait_for

CHECKOUT = Path(__file__).parents[3]

SETTINGS = f"""
[pytest]
addopts = -p tests.unit.support.tiny -p tests.support.peers.plugin -p no:cacheprovider
pythonpath = {CHECKOUT}
filterwarnings = error
markers =
    peer(name): needs a real peer
"""


@pytest.fixture
def project(tmp_path, cache, monkeypatch):
    """A folder to put tests in, where `tiny` and the absent `nowhere` are the only peers."""
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    monkeypatch.setenv("TINY_PEERS_ONLY", "1")
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT), prepend=os.pathsep)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("ESAP_REQUIRE_PEERS", raising=False)
    return tmp_path


def command(*options):
    return [sys.executable, "-m", "pytest", *options]


def run(project, test, *options):
    (project / "test_it.py").write_text("import pathlib, pytest\n" + test)
    done = subprocess.run(
        command(*options),
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_test_gets_the_peer_it_asks_for_and_the_run_tells_of_it(project):
    code, said = run(project, "def test_one(tiny): assert tiny.version == '1.0'")

    assert code == 0
    assert re.search(r"\ntiny         ran      1\.0, .*started in \d+\.\d s; 1 test\n", said)
    assert PeerCache("tiny").run_folders() == []


def test_a_test_whose_peer_is_absent_is_skipped_with_the_reason_and_counted(project):
    code, said = run(
        project,
        "@pytest.mark.peer('nowhere')\n"
        "def test_by_marker(): raise AssertionError\n"
        "def test_by_fixture(nowhere): raise AssertionError\n",
        "-rs",
    )

    assert code == 0
    assert "SKIPPED [2]" in said
    assert "nowhere is absent: not to be had" in said
    assert "nowhere      absent   not to be had; 2 tests skipped\n" in said
    assert "tiny         idle     no test asked for it\n" in said


def test_a_peer_that_is_only_named_by_a_marker_is_not_started(project):
    code, said = run(project, "@pytest.mark.peer('tiny')\ndef test_one(): pass")

    assert code == 0
    assert "tiny         here     not started: 1 test only used what it installs\n" in said


def test_an_absent_peer_fails_a_run_that_requires_all(project, monkeypatch):
    monkeypatch.setenv("ESAP_REQUIRE_PEERS", "1")

    code, said = run(project, "def test_one(): pass")

    assert code == 1
    assert "Failed, for ESAP_REQUIRE_PEERS is set: nowhere absent.\n" in said


def test_a_peer_that_cannot_start_fails_the_tests_that_need_it(project, monkeypatch):
    monkeypatch.setenv("TINY_FAILS", "out of fuel")

    code, said = run(project, "def test_one(tiny): pass\ndef test_other(): pass")

    assert code == 1
    assert "PeerFailed: out of fuel" in said
    assert "tiny         failed   1 test asked for it\n" in said
    assert "1 passed, 1 error" in said


def test_an_unknown_peer_is_a_mistake(project):
    code, said = run(project, "@pytest.mark.peer('typo')\ndef test_one(): pass")

    assert code != 0
    assert "test_it.py::test_one needs an unknown peer: typo" in said


def test_the_workers_of_xdist_share_one_peer(project):
    code, said = run(
        project,
        "@pytest.mark.parametrize('n', range(8))\n"
        "def test_one(tiny, n): pathlib.Path(f'url-{n}').write_text(tiny.url)\n",
        "-pxdist",
        "-n2",
    )

    assert code == 0
    assert "; 8 tests\n" in said
    assert len({path.read_text() for path in project.glob("url-*")}) == 1
    assert PeerCache("tiny").run_folders() == []


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing(project, end):
    (project / "test_it.py").write_text(
        "import pathlib, time\ndef test_one(tiny): pathlib.Path('up').touch(); time.sleep(1000)\n"
    )
    with child(*command(), cwd=project, stdout=subprocess.DEVNULL) as pytest_run:
        wait_for((project / "up").exists)
        (folder,) = PeerCache("tiny").run_folders()
        wait_for(lambda: len(carriers(folder)) == 2)

        pytest_run.send_signal(end)
        pytest_run.wait(60)

    wait_for(lambda: not folder.exists())
    assert carriers(folder) == []
