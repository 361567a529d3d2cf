"""One question to 1, 10 and 50 archives of 0.5 s latency: this gateway beside pyvo.

pyvo asks one after another, as the published gateway does, and in one thread per archive. Ours is
measured as the search itself (`federate`). Every answer has 500 rows. Then one archive misbehaves,
and the time of the others is compared.

    python -m benchmarks.federation [--quick]
"""

import sys
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.support import clock, fake_taps, keep, set_up_django, table

LATENCY = 0.5
ROWS = 500


def main() -> None:
    """Measure and print."""
    counts = [1, 10] if "--quick" in sys.argv else [1, 10, 50]
    with tempfile.TemporaryDirectory() as folder, fake_taps(latency=LATENCY) as port:
        set_up_django(ESAP_DATA_DIR=folder)
        measured = [measure(Path(folder), port, count) for count in counts]
        harm = [misbehave(Path(folder), port, mode) for mode in ("hang", "drip", "truncate")]
    table(
        ["archives", "ours s", "pyvo 1 by 1 s", "pyvo threads s", "x 1 by 1", "x threads",
         "first row s", "ours CPU ms/archive", "pyvo CPU ms/archive"],
        [
            [m["archives"], m["ours"]["wall"], m["serial"]["wall"], m["threads"]["wall"],
             m["serial"]["wall"] / m["ours"]["wall"], m["threads"]["wall"] / m["ours"]["wall"],
             m["first_row"], 1000 * m["ours"]["cpu"] / m["archives"],
             1000 * m["threads"]["cpu"] / m["archives"]]
            for m in measured
        ],
    )  # fmt: skip
    print()
    table(
        ["one of 10 archives does", "others alone s", "others beside it s", "ratio"],
        [[h["mode"], h["alone"], h["beside"], h["beside"] / h["alone"]] for h in harm],
    )
    keep("federation", {"latency": LATENCY, "rows": ROWS, "archives": measured, "harm": harm})


def url(port: int, number: int, mode: str = "ok") -> str:
    return f"http://127.0.0.1:{port}/{mode},number={number}/tap"


def measure(folder: Path, port: int, count: int) -> dict:
    addresses = [url(port, n) for n in range(count)]
    ours(folder, addresses)  # warm: threads, connections, the service's own cache
    best = min((ours(folder, addresses) for _ in range(3)), key=lambda found: found["wall"])
    threads = min((in_threads(addresses) for _ in range(3)), key=lambda found: found["wall"])
    return {
        "archives": count,
        "ours": best,
        "first_row": best.pop("first_row"),
        "serial": one_by_one(addresses),
        "threads": threads,
    }


def ours(folder: Path, addresses: list[str], timeout: float = 10.0) -> dict:
    from django.conf import settings

    from esap.backends.deadline import within
    from query.federation import Outcome, Rows, federate
    from query.planning import plan
    from query.questions import ask
    from tests.support.entries import star_archive, write_entries

    place = folder / f"{abs(hash(tuple(addresses)))}"
    place.mkdir(exist_ok=True)
    settings.ENTRY_FILES = write_entries(
        place, [star_archive(f"a{n}", address) for n, address in enumerate(addresses)]
    )
    errands = plan(ask({"ra": 56.75, "dec": 24.12, "fov": 180, "limit": ROWS}))
    first, ended, rows = 0.0, {}, 0
    import time

    with clock() as found, within(None) as scope:
        began = time.perf_counter()
        for event in federate(errands, timeout=timeout, scope=scope):
            if isinstance(event, Rows):
                first = first or time.perf_counter() - began
                rows += event.batch.num_rows
            if isinstance(event, Outcome):
                ended[event.archive] = (event.status, time.perf_counter() - began)
    good = [when for status, when in ended.values() if status in ("ok", "overflow")]
    assert rows >= 1, ended
    return {**found, "first_row": first, "last_good": max(good), "good": len(good)}


def ask_pyvo(address: str) -> int:
    import pyvo

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adql = f"SELECT TOP {ROWS} * FROM sky.stars"  # noqa: S608 - our own number
        return len(pyvo.dal.TAPService(address).search(adql).to_table())


def one_by_one(addresses: list[str]) -> dict:
    with clock() as found:
        for address in addresses:
            ask_pyvo(address)
    return found


def in_threads(addresses: list[str]) -> dict:
    ask_pyvo(addresses[0])
    with clock() as found, ThreadPoolExecutor(len(addresses)) as pool:
        list(pool.map(ask_pyvo, addresses))
    return found


def misbehave(folder: Path, port: int, mode: str) -> dict:
    good = [url(port, n) for n in range(9)]
    alone = min(ours(folder, good)["last_good"] for _ in range(5))
    bad = [*good, url(port, 99, mode)]
    beside = [ours(folder, bad, timeout=2.0) for _ in range(5)]
    assert {found["good"] for found in beside} == {9}
    return {"mode": mode, "alone": alone, "beside": min(f["last_good"] for f in beside)}


if __name__ == "__main__":
    threading.stack_size(1 << 20)
    main()
