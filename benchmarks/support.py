"""What the benchmarks share: clocks, a settled Django, and a place for results."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

RESULTS = Path(__file__).parent / "results"


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Measure wall and CPU seconds of this process."""
    found: dict[str, float] = {}
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    yield found
    found["wall"] = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def set_up_django(**environment: str) -> None:
    """Make Django ready in this process, quietly, on data of its own."""
    os.environ.update({"DJANGO_SETTINGS_MODULE": "esap.settings.dev", "ESAP_LOG_LEVEL": "ERROR"})
    os.environ.update(environment)
    import django

    django.setup()


@contextmanager
def fake_taps(*, latency: float, stars: int = 500) -> Iterator[int]:
    """Run the fake TAP service in a process of its own; yields its port."""
    program = [sys.executable, "-m", "tests.support.fakes.tap"]
    command = [*program, f"--latency={latency}", f"--stars={stars}", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield urlsplit(process.stdout.readline()).port
        finally:
            process.terminate()


@contextmanager
def serve(port: int, until_ok: str, **environment: str) -> Iterator[subprocess.Popen]:
    """Serve the gateway as `make run` does, from when an address answers 200."""
    environment = {**os.environ, **environment}
    manage = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(manage, env=environment, check=True)
    command = [
        sys.executable, "-m", "gunicorn", "esap.wsgi", "--config=deploy/gunicorn.conf.py", "-w1",
        f"-b127.0.0.1:{port}", "--log-level=error",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, start_new_session=True) as server:
        try:
            for _ in range(200):
                try:
                    if requests.get(until_ok, timeout=60).ok:  # noqa: TID251 - a client
                        break
                except requests.ConnectionError:
                    time.sleep(0.1)
            yield server
        finally:
            server.terminate()


def cpu_seconds(parent: int) -> float:
    """Return the CPU time of a process and its children."""
    total = 0.0
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for pid in [str(parent), *children]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def keep(name: str, measured: object) -> None:
    """Write what was measured beside the benchmark, with the machine it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    text = json.dumps({"machine": machine, "measured": measured}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def table(head: list[str], rows: list[list[object]]) -> None:
    """Print a table."""
    cells = [head, *[[f"{v:.3g}" if isinstance(v, float) else str(v) for v in r] for r in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
        if number == 0:
            print("  ".join("-" * width for width in widths))
