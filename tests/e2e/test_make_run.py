"""`make run`: one command, no network, and nothing left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them"),
]

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
body = sys.argv[4] if len(sys.argv) > 4 else None
headers = {"Accept": "*/*", "Content-Type": "application/json"}
connection.request(sys.argv[2], sys.argv[3], body, headers)
answer = connection.getresponse()
print(answer.status)
print(answer.read().decode(errors="replace"))
"""


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def wait_until(claim, seconds=60.0):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not become true in time"
        time.sleep(0.1)


class Machine:
    """A data folder, two ports, and what a command needs before it to run here."""

    def __init__(self, folder, prefix=()):
        self.folder, self.prefix = folder, list(prefix)
        self.port, self.events_port = free_port(), free_port()

    def run(self, **environment):
        return Run(self, environment)

    def ask(self, path, body=None, *, port=None):
        """Return status and body of an answer of the gateway."""
        words = [str(port or self.port), "POST" if body else "GET", path]
        done = subprocess.run(
            [
                *self.prefix,
                sys.executable,
                "-c",
                ASK,
                *words,
                *([json.dumps(body)] if body else []),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        status, _, text = done.stdout.partition("\n")
        return int(status), text

    def processes(self):
        """Return the processes that were told of our data folder."""
        mark = f"ESAP_DATA_DIR={self.folder}\0".encode()
        found = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in environ.read_bytes() + b"\0":
                    found.append((environ.parent / "cmdline").read_bytes().replace(b"\0", b" "))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found


class Run:
    """`make run` as someone at a terminal has it: Ctrl-C reaches make and all in its group."""

    def __init__(self, machine, environment):
        self.said = machine.folder.with_name(f"{time.monotonic_ns()}.log")
        with self.said.open("w") as output:
            self.process = subprocess.Popen(
                [*machine.prefix, "make", "--no-print-directory", "run", f"VENV={sys.prefix}"],
                cwd=ROOT,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith(("ESAP_", "MAKE"))},
                    "ESAP_DATA_DIR": str(machine.folder),
                    "ESAP_PORT": str(machine.port),
                    "ESAP_EVENTS_PORT": str(machine.events_port),
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def text(self):
        return self.said.read_text()

    def until_ready(self):
        wait_until(lambda: "Ready after" in self.text() or self.process.poll() is not None)
        assert "Ready after" in self.text(), self.text()
        return float(re.search(r"Ready after ([\d.]+) s", self.text())[1])

    def supervisor(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def press_ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout=30)

    def end(self):
        if self.process.poll() is None:
            self.press_ctrl_c()


@pytest.fixture(scope="module")
def machine(tmp_path_factory, loopback_only):
    """Where the gateway runs for most of these promises: without a network, if that can be had."""
    return Machine(tmp_path_factory.mktemp("machine") / "var", loopback_only)


@pytest.fixture(scope="module")
def running(machine):
    run = machine.run(ESAP_PING_SECONDS="2")
    try:
        run.until_ready()
        yield run
    finally:
        run.end()


def test_it_says_where_to_look_and_is_quiet_otherwise(machine, running):
    assert running.text().splitlines() == [
        f"Starting the ESAP API Gateway; what it keeps is in {machine.folder}.",
        *(line for line in running.text().splitlines() if line.startswith(" prepare | ")),
        next(line for line in running.text().splitlines() if line.startswith("Ready after")),
        f"  http://localhost:{machine.port}/                 start here",
        f"  http://localhost:{machine.port}/esap-api/        the API, to browse",
        f"  http://localhost:{machine.port}/esap-api/docs/   the API, to try out",
        "Warnings appear below; ESAP_LOG_LEVEL=INFO make run tells more.",
    ]


@pytest.mark.parametrize("path", ["/", "/esap-api/", "/esap-api/docs/", "/esap-api/health/ready"])
def test_what_it_names_answers(machine, running, path):
    status, _ = machine.ask(path)

    assert status == 200


def test_the_page_for_trying_out_has_its_style_from_our_own_host(machine, running):
    _, page = machine.ask("/esap-api/docs/")

    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/") for source in sources)
    assert {machine.ask(source)[0] for source in sources} == {200}


def test_the_events_process_answers(machine, running):
    status, _ = machine.ask("/esap-api/health/live", port=machine.events_port)

    assert status == 200


def test_the_worker_does_the_periodic_work(machine, running):
    def pinged():
        status, text = machine.ask("/esap-api/health/peers")
        assert status == 200
        return '"checked":"' in text.replace(" ", "")

    wait_until(pinged)


def test_a_second_one_on_the_same_folder_is_told_what_to_do(machine, running):
    second = Machine(machine.folder).run()

    assert second.process.wait(timeout=30) != 0
    assert f"one already runs on {machine.folder}. Stop it, or give this one" in second.text()


def test_a_taken_port_is_told_with_what_to_do(tmp_path):
    machine = Machine(tmp_path / "var")
    with socket.create_server(("127.0.0.1", machine.port)):
        run = machine.run()

        assert run.process.wait(timeout=30) != 0

    assert (
        f"another program listens on port {machine.port}. Stop it, or choose another port: "
        f"ESAP_PORT={machine.port + 10} make run"
    ) in run.text()


def test_a_mistaken_entry_stops_the_start_and_names_its_line(tmp_path):
    machine = Machine(tmp_path / "var")
    entries = tmp_path / "mine.yaml"
    entries.write_text("query:\n  archives:\n    - id: mine\n      tipe: tap\n")

    run = machine.run(ESAP_PEERS=str(entries))

    assert run.process.wait(timeout=60) != 0
    assert f"{entries}, line 3: 'type' is missing." in run.text()
    assert "Traceback" not in run.text()
    assert machine.processes() == []


def test_without_any_network_it_answers_real_stars(machine, running):
    if not machine.prefix:
        pytest.skip("this machine lets us make no network of its own")

    status, text = machine.ask(
        "/esap-api/query/searches/", {"ra": 56.75, "dec": 24.12, "fov": 1, "timeout": 10}
    )

    assert status == 200
    assert "66714384142368256" in text  # Alcyone, in Gaia DR3


def test_whether_killed_or_stopped_it_leaves_nothing_running_and_starts_again_soon(tmp_path):
    machine = Machine(tmp_path / "var")
    first = machine.run()
    first.until_ready()
    assert len(machine.processes()) >= 5

    os.kill(first.supervisor(), signal.SIGKILL)

    first.process.wait(timeout=30)
    wait_until(lambda: machine.processes() == [], seconds=15)

    second = machine.run()
    seconds = second.until_ready()
    second.press_ctrl_c()

    assert machine.processes() == []
    assert "\nStopping; once more stops at once.\nStopped; nothing is left" in second.text()
    # Ten seconds on a machine that has nothing else to do.
    assert seconds < 10 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
