"""Lists of archives and datasets: what a request costs, and how it waits while searches run.

CPU is that of the server process (gunicorn, as `make run` starts it), per request. The published
gateway needs 22.8 ms and 43 SQL statements for `datasets-uri`. Then searches over 50 archives run
without pause, and the time of the slowest hundredth of the list requests is taken.

    python -m benchmarks.metadata [--quick]
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.support import cpu_seconds, fake_taps, keep, serve, set_up_django, table

PUBLISHED = {"cpu_ms": 22.8, "sql": 43}
LISTS = ("archives-uri", "datasets-uri", "archives", "datasets", "catalogs", "parameter-mapping")
PORT = 18_765


def main() -> None:
    """Measure and print."""
    asked = 200 if "--quick" in sys.argv else 1000
    with tempfile.TemporaryDirectory() as folder, fake_taps(latency=0.5) as port:
        entries = many_archives(Path(folder), port)
        set_up_django(ESAP_DATA_DIR=folder)
        statements = {name: sql_statements(name) for name in LISTS}
        serving = serve(
            PORT,
            address("archives-uri"),
            ESAP_DATA_DIR=folder,
            ESAP_PEERS=str(entries),
            ESAP_SEARCHES_IN_FLIGHT="64",
        )
        with serving as server:
            costs = {name: cost(server, name, asked) for name in LISTS}
            alone = waits(asked)
            with searching(2):
                beside = waits(asked)
    table(
        ["list", "CPU ms", "SQL", "x published CPU"],
        [
            [name, costs[name], statements[name],
             PUBLISHED["cpu_ms"] / costs[name] if name == "datasets-uri" else ""]
            for name in LISTS
        ],
    )  # fmt: skip
    print()
    table(
        ["datasets-uri", "p50 ms", "p99 ms"],
        [["alone", *alone], ["while two 50-archive searches run", *beside]],
    )
    keep("metadata", {"cpu_ms": costs, "sql": statements, "alone_ms": alone, "beside_ms": beside})


def many_archives(folder: Path, port: int) -> Path:
    """Write an operator's file with fifty more archives, of 0.5 s latency."""
    from tests.support.entries import star_archive, write_entries

    fifty = [
        star_archive(f"slow{n}", f"http://127.0.0.1:{port}/ok,number={n}/tap", visible=False)
        for n in range(50)
    ]
    (folder / "peers").mkdir()
    return write_entries(folder / "peers", fifty)[0]


def sql_statements(name: str) -> int:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    settings.ALLOWED_HOSTS = ["testserver"]
    with CaptureQueriesContext(connection) as captured:
        assert Client().get(f"/esap-api/query/{name}/").status_code == 200
    return len(captured)


def address(name: str) -> str:
    return f"http://127.0.0.1:{PORT}/esap-api/query/{name}/"


def cost(server: subprocess.Popen, name: str, asked: int) -> float:
    """Return the CPU milliseconds of the server per request; the best of three rounds."""
    with requests.Session() as session:
        session.get(address(name))
        rounds = []
        for _ in range(3):
            before = cpu_seconds(server.pid)
            for _ in range(asked):
                session.get(address(name))
            rounds.append(1000 * (cpu_seconds(server.pid) - before) / asked)
    return min(rounds)


def waits(asked: int) -> list[float]:
    """Return the median and the 99th percentile of a list request, in milliseconds."""
    took = []
    with requests.Session() as session:
        for _ in range(asked):
            began = time.perf_counter()
            session.get(address("datasets-uri")).raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
    took.sort()
    return [took[len(took) // 2], took[int(len(took) * 0.99)]]


@contextmanager
def searching(at_once: int) -> Iterator[None]:
    """Keep searches over fifty archives running."""
    ended = threading.Event()
    body = json.dumps(
        {"archives": [f"slow{n}" for n in range(50)], "ra": 56.75, "dec": 24.12, "fov": 180,
         "limit": 500}
    )  # fmt: skip
    headers = {"Content-Type": "application/json", "Accept": "application/x-ndjson"}
    counted = []

    def search() -> None:
        with requests.Session() as session:
            while not ended.is_set():
                answer = session.post(address("searches"), body, headers=headers)
                counted.append(answer.content.count(b'"status":"o'))

    threads = [threading.Thread(target=search) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    yield
    ended.set()
    for thread in threads:
        thread.join()
    assert counted, "no search ended"
    assert set(counted) == {50}, counted


if __name__ == "__main__":
    main()
