"""A machine to run the gateway on, as someone at a terminal does."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

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
        command = [sys.executable, "-c", ASK, *words, *([json.dumps(body)] if body else [])]
        done = self.command(*command)
        done.check_returncode()
        status, _, text = done.stdout.partition("\n")
        return int(status), text

    def command(self, *words, **how):
        """Run a command here, where the gateway's ports are; return how it ended."""
        return subprocess.run(
            [*self.prefix, *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **how,
        )

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
                    **{
                        k: v
                        for k, v in os.environ.items()
                        if not k.startswith(("ESAP_", "MAKE", "DJANGO_"))
                    },
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
