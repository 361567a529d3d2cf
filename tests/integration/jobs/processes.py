"""The gateway's processes, each to be started, stopped, killed and frozen by a test."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import redis

from esap.serve import broker as embedded
from tests.support.waiting import wait_for

START_SECONDS = 60.0


class Process:
    """One process, in a group of its own with all that it starts."""

    def __init__(self, name, command, environment, log):
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.process = None

    def start(self, **pipes):
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=pipes.get("stdin", subprocess.DEVNULL),
                stdout=pipes.get("stdout", output),
                stderr=output,
                start_new_session=True,
                text=True,
            )
        return self

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def kill(self):
        """Kill it and its children outright; return when it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self._gone()

    def _gone(self):
        if self.process is not None:
            self.process.wait()
            for pipe in filter(None, (self.process.stdin, self.process.stdout)):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def stop(self):
        """Ask it to end, and return when it has."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def children(self):
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()]


class Machine:
    """Broker, worker, clock and gateway, on one database."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.messages = folder / "broker"
        self.messages.mkdir()
        self.socket = embedded.socket_of(self.messages)
        self.environment = {
            **environment,
            "DJANGO_SETTINGS_MODULE": "tests.integration.jobs.settings",
            "REDIS_URL": f"redis+socket://{self.socket}",
            "ESAP_LEASE_SECONDS": "4",
            "ESAP_SWEEP_SECONDS": "0.5",
            "TRACES": str(folder),
            "REMAP_SIGTERM": "SIGQUIT",
        }
        program = embedded.broker(self.messages, self.environment)
        self.broker = self._process("broker", program.command)
        self.worker = self.a_worker("worker")
        self.clock = self._process("clock", [sys.executable, "-m", "esap.clock"])
        self._front = None

    def a_worker(self, name):
        return self._celery(name, "--concurrency", "2")

    def start(self):
        self.start_broker()
        self.worker.start()
        self.clock.start()
        return self

    def end(self):
        for process in (self._front, self.worker, self.clock, self.broker):
            if process is not None:
                process.kill()

    def start_broker(self):
        self.broker.start()
        assert wait_for(lambda: asyncio.run(embedded._answers(self.socket)), START_SECONDS)

    def lose_all_messages(self):
        """Kill the broker and throw away what it had written down."""
        self.broker.kill()
        shutil.rmtree(self.messages)
        self.messages.mkdir()

    def submit(self, kind, seconds=0.0, peer=""):
        """Submit a job through the gateway; return its id."""
        return self._told(f"submit {kind} {seconds} {peer}")

    def submit_and_die(self, kind):
        """Have the gateway killed after it committed a job and before it rings."""
        assert self._told(f"die {kind} 0.1") == ""
        self._front.kill()
        self._front = None

    def ring(self, job_id, times=1):
        """Deliver the message about a job so many times."""
        assert self._told(f"ring {job_id} {times}") == str(times)

    def executions(self):
        """Return how often each job began, and how often it ended."""
        begun, ended = Counter(), Counter()
        file = self.folder / "executions"
        for line in file.read_text().splitlines() if file.exists() else []:
            what, job_id, _pid = line.split()
            (begun if what == "begin" else ended)[job_id] += 1
        return begun, ended

    def pid_of(self, job_id):
        """Return the process that began a job last."""
        lines = [line.split() for line in (self.folder / "executions").read_text().splitlines()]
        return next(
            int(pid) for what, job, pid in reversed(lines) if (what, job) == ("begin", job_id)
        )

    def queue_length(self):
        return redis.Redis(unix_socket_path=str(self.socket)).llen("celery")

    def _told(self, line):
        if self._front is None:
            self._front = self._process(
                "front", [sys.executable, "-m", "tests.integration.jobs.front"]
            ).start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self._front.process.stdout.readline() == "ready\n"
        self._front.process.stdin.write(f"{line}\n")
        self._front.process.stdin.flush()
        return self._front.process.stdout.readline().strip()

    def _celery(self, name, *options):
        return self._process(
            name,
            [
                *(sys.executable, "-m", "celery", "--app", "esap.celery", "--quiet", "worker"),
                *("--hostname", f"{name}@%h", "--without-gossip", "--without-mingle", *options),
            ],
        )

    def _process(self, name, command):
        return Process(name, command, self.environment, self.folder / f"{name}.log")
