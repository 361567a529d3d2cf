"""Those who listen in the benchmark of jobs: to a real events process, and not all to the end.

A third of them are behind a cable, which is pulled: they are gone without a word, as when a laptop
is closed. Only root may lay cables; without one, nobody vanishes.

python -m benchmarks.listening HOST PORT FILE: listen to the jobs in a file; tell when events came.
"""

import asyncio
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any, Self

from tests.e2e.machine import free_port
from tests.integration.jobs.processes import Machine, Process
from tests.support.waiting import wait_for

HERE, OURS, THEIRS = "127.0.0.1", "10.213.77.1", "10.213.77.2"
LET_GO_SECONDS = 60.0
_EVENT = re.compile(rb"^id: (\d+)$", re.MULTILINE)


class Cable:
    """A network of its own behind a cable."""

    def __init__(self) -> None:
        self.network = f"esap{os.getpid()}"
        _ip("netns", "add", self.network)
        _ip("link", "add", self.near, "type", "veth", "peer", "name", "far", "netns", self.network)
        _ip("addr", "add", f"{OURS}/30", "dev", self.near)
        _ip("link", "set", self.near, "up")
        _ip("-n", self.network, "addr", "add", f"{THEIRS}/30", "dev", "far")
        _ip("-n", self.network, "link", "set", "far", "up")

    @property
    def near(self) -> str:
        return f"e{os.getpid()}n"

    def pull(self) -> None:
        _ip("-n", self.network, "addr", "del", f"{THEIRS}/30", "dev", "far")

    def take_away(self) -> None:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.network)


class Crowd:
    """A process that listens to jobs; it tells when all listen, and in the end what they heard."""

    def __init__(self, host: str, port: int, jobs: Path, *before: str) -> None:
        command = [*before, sys.executable, "-m", "benchmarks.listening", host, str(port), jobs]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "all listen\n"

    def heard(self) -> dict[str, float]:
        """Have all say goodbye; return when each event was heard (`time.monotonic`), by its id."""
        told, _ = self.process.communicate("\n")
        return json.loads(told)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Listening:
    """An events process, and those who listen to a job each."""

    def __init__(self, machine: Machine, count: int) -> None:
        from esap.jobs.models import Job

        self.port = free_port()
        self.jobs = Job.objects.bulk_create(
            Job(kind="kill.again", phase="EXECUTING") for _ in range(count)
        )
        host = "0.0.0.0"  # noqa: S104 - on both ends of the cable; the port is nobody's
        command = [sys.executable, "-m", "esap.events", "--host", host, "--port", f"{self.port}"]
        environment = {**machine.environment, "ESAP_ALLOWED_HOSTS": f"{HERE},{OURS}"}
        self.events = Process("events", command, environment, machine.folder / "events.log")
        self.folder = machine.folder
        self.ends = ExitStack()

    def __enter__(self) -> Self:
        self.events.start()
        self.ends.callback(self.events.kill)
        return self

    def __exit__(self, *_: object) -> None:
        self.ends.close()

    def measure(self, events: int) -> dict[str, Any]:
        """Count what a crowd costs, how late they hear, and what is left when they are gone."""
        self._crowd("first", self.jobs[:1]).heard()  # the process has then done all once
        fresh = self._standing()
        rehearsal = self._crowd("rehearsal", self.jobs)
        crowded = self._standing()
        rehearsal.heard()
        time.sleep(2.0)
        before = self._standing()  # Python keeps for the next crowd what it had for one.
        cable = self._cable()
        third = len(self.jobs) // 3 if cable else 0
        steady = self._crowd("steady", self.jobs[third:])
        alone = self._standing()
        vanishing = self._crowd("vanishing", self.jobs[:third], cable) if cable else None
        committed = self._tell(self.jobs[third:], events)
        let_go = self._vanish(vanishing, cable, alone["open"])
        missing = self._standing()["open"] - alone["open"]
        time.sleep(1.0)
        heard = steady.heard()
        wait_for(lambda: self._standing()["open"] <= before["open"], LET_GO_SECONDS)
        after = self._standing()
        late = [1000 * (heard[pk] - at) for pk, at in committed.items() if pk in heard]
        cuts = quantiles(late, n=100)
        return {
            "listeners": len(self.jobs),
            "events": events,
            "unheard": events - len(late),
            "p50_ms": round(cuts[49], 1),
            "p99_ms": round(cuts[98], 1),
            "listener_kb": round(1024 * (crowded["mb"] - fresh["mb"]) / len(self.jobs), 1),
            "vanished": third,
            "let_go_s": round(let_go, 1),
            "left_open": missing,
            "never_closed": after["open"] - before["open"],
            "kept_mb": round(after["mb"] - before["mb"], 1),
        }

    def _tell(self, jobs: Any, count: int) -> dict[str, float]:
        """Commit events of some jobs, one after another; return when each had been."""
        from esap.jobs.models import Event
        from esap.jobs.services import record_event

        committed = {}
        for number in range(count):
            job = random.choice(jobs)
            record_event(job, "message", {"sentence": f"{number}"})
            at = time.monotonic()
            last = Event.objects.filter(job=job).order_by("-id").values_list("pk", flat=True)[0]
            committed[f"{last}"] = at
            time.sleep(random.uniform(0.0, 0.04))
        return committed

    def _vanish(self, crowd: Crowd | None, cable: Cable | None, left: int) -> float:
        """Pull the cable; return after how many seconds the process has let go of all behind it."""
        if crowd is None or cable is None:
            return 0.0
        began = time.monotonic()
        cable.pull()
        wait_for(lambda: self._standing()["open"] <= left, LET_GO_SECONDS)
        return time.monotonic() - began

    def _cable(self) -> Cable | None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            print("nobody vanishes: only root may lay a cable", file=sys.stderr)
            return None
        cable = Cable()
        self.ends.callback(cable.take_away)
        return cable

    def _crowd(self, name: str, jobs: Any, cable: Cable | None = None) -> Crowd:
        file = self.folder / f"{name}.jobs"
        file.write_text("\n".join(str(job.pk) for job in jobs))
        before = ("ip", "netns", "exec", cable.network) if cable else ()
        crowd = Crowd(OURS if cable else HERE, self.port, file, *before)
        self.ends.callback(crowd.end)
        return crowd

    def _standing(self) -> dict[str, Any]:
        """Return the memory and the open descriptors of the events process."""
        process = Path(f"/proc/{self.events.process.pid}")
        kilobytes = re.search(r"VmRSS:\s+(\d+)", (process / "status").read_text())[1]
        return {"mb": int(kilobytes) / 1024, "open": len([*(process / "fd").iterdir()])}


async def listen(host: str, port: int, jobs: list[str]) -> dict[str, float]:
    """Listen to all jobs until a line comes on standard input; return when events came, by id."""
    heard: dict[str, float] = {}
    connections = [await _listening(host, port, job) for job in jobs]
    tasks = [asyncio.create_task(_hear(reader, heard)) for reader, _ in connections]
    print("all listen", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in tasks:
        task.cancel()
    for _, writer in connections:
        writer.close()
    return heard


async def _listening(host: str, port: int, job: str) -> tuple[Any, Any]:
    for _ in range(150):  # a cable takes a moment to work, and what was sent before is lost
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                reader, writer = await asyncio.open_connection(host, port)
            break
        await asyncio.sleep(0.1)
    path = f"/esap-api/jobs/{job}/events"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.splitlines()[0], head
    return reader, writer


async def _hear(reader: Any, heard: dict[str, float]) -> None:
    while line := await reader.readline():
        if found := _EVENT.match(line.strip()):
            heard[found[1].decode()] = time.monotonic()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


if __name__ == "__main__":
    _, host, port, file = sys.argv
    found = asyncio.run(listen(host, int(port), Path(file).read_text().split()))
    print(json.dumps(found), flush=True)
