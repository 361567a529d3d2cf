import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.peers.account import account
from tests.support.peers.processes import PeerFailed, Processes, carriers
from tests.unit.support.patience import child, wait_for

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def processes(cache):
    with Processes(account().folder(cache / "run"), account()) as processes:
        yield processes


def test_a_command_runs_as_an_unprivileged_user(processes):
    assert processes.run("id", "-u") != "0\n"


def test_a_command_that_fails_tells_what_it_printed(processes):
    with pytest.raises(PeerFailed, match=r"(?s)`sh -c .*` failed:.*no luck today"):
        processes.run("sh", "-c", "echo no luck today; exit 3")


def test_a_server_that_ends_early_tells_what_it_printed(processes):
    processes.spawn("sh", "-c", "echo port taken; exit 3", log="server.log")

    with pytest.raises(PeerFailed, match=r"(?s)server ended with code 3\..*port taken"):
        processes.wait_until(lambda: False, what="The server", within=10)


def test_a_server_that_is_never_ready_is_given_up(processes):
    processes.spawn("sleep", "1000", log="server.log")

    with pytest.raises(PeerFailed, match=r"The server was not ready within 0 s\."):
        processes.wait_until(lambda: False, what="The server", within=0.1)


def test_the_end_reaches_children_of_children_that_ignore_signals(processes):
    stubborn = "trap '' TERM; setsid sleep 1000 & setsid sleep 1000 & echo up; wait; sleep 1000"
    processes.spawn("sh", "-c", stubborn, log="server.log")
    log = processes.folder / "server.log"
    processes.wait_until(lambda: "up" in log.read_text(), what="The server")

    processes.end(grace=0.1)

    assert carriers(processes.folder) == []


def test_processes_die_with_a_parent_that_is_killed(cache):
    script = (
        "import sys, time; from pathlib import Path;"
        "from tests.support.peers.account import account;"
        "from tests.support.peers.processes import Processes;"
        "folder = account().folder(Path(sys.argv[1]));"
        "processes = Processes(folder, account());"
        "processes.spawn('sh', '-c', 'echo up; exec sleep 1000', log='log');"
        "processes.wait_until(lambda: (folder / 'log').read_text() == 'up\\n', what='It');"
        "print('up', flush=True); time.sleep(1000)"
    )
    command = [sys.executable, "-c", script, cache / "run"]
    with child(*command, cwd=CHECKOUT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"up\n"
        wait_for(lambda: len(carriers(cache / "run")) == 1)

        parent.kill()

    wait_for(lambda: not carriers(cache / "run"))
