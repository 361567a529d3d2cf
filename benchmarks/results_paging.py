"""Stored results: what a million rows cost to store, to page, sort and filter, and to download.

CPU of this process, in which DuckDB has two threads.

python -m benchmarks.results_paging [--quick]
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from benchmarks.support import keep, set_up_django, table

COLUMNS = 20
PAGE = 100


def main() -> None:
    """Measure and print."""
    count = 100_000 if "--quick" in sys.argv else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        set_up_django(ESAP_DATA_DIR=folder)
        measured = {"rows": count, "columns": COLUMNS, **measure(count)}
    table(["page of 100 rows", "CPU ms"], [[name, ms] for name, ms in measured["pages_ms"].items()])
    print()
    table(["download", "CPU s"], [[name, s] for name, s in measured["downloads_s"].items()])
    print(f"\nstored in {measured['stored_s']:.3g} CPU s, {measured['bytes_per_row']} bytes a row")
    print(f"peak memory {measured['peak_mb']} MB above {measured['before_mb']} MB before")
    keep("results_paging", measured)


def measure(count: int) -> dict[str, Any]:
    from esap.results.reading import page, rows, schema_of
    from esap.results.writing import store
    from esap.tables.encoders import ENCODERS
    from esap.tables.stream import TableStream

    pieces = batches(count)
    first = next(pieces)
    before = peak()
    job = uuid4()
    began = time.process_time()
    stored = store(job, "merged", TableStream(first.schema, [first, *pieces]))
    stored_s = time.process_time() - began
    questions = asked(schema_of(stored))
    pages = {
        name: typical(lambda q=q: page(stored, limit=PAGE, **q)) for name, q in questions.items()
    }
    pages["sorted by -mag, after half of the rows"] = far_on(stored, count)
    downloads = {}
    for wanted in ("csv", "votable", "parquet"):
        began = time.process_time()
        for _ in ENCODERS[wanted].encode(rows(stored)):
            pass
        downloads[wanted] = time.process_time() - began
    began = time.process_time()
    for _ in ENCODERS["csv"].encode(rows(stored, **questions["sorted by -mag"])):
        pass
    downloads["csv, sorted by -mag"] = time.process_time() - began
    return {
        "stored_s": stored_s,
        "bytes_per_row": round(stored.size / count),
        "pages_ms": pages,
        "downloads_s": downloads,
        "before_mb": round(before),
        "peak_mb": round(peak() - before),
    }


def asked(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """Return what is asked, by how it is called."""
    from esap.results.filters import filter_from, order_from

    few = [filter_from("mag:lt:-2", schema)]
    return {
        "as stored": {},
        "sorted by -mag": {"sort": order_from("-mag", schema)},
        "sorted by class, -mag": {"sort": order_from("class,-mag", schema)},
        "filtered by mag:lt:-2": {"filters": few},
        "filtered by name:contains:77": {"filters": [filter_from("name:contains:77", schema)]},
        "three columns, sorted by -mag": {
            "columns": ["id", "name", "mag"],
            "sort": order_from("-mag", schema),
        },
    }


def far_on(stored: Any, count: int) -> float:
    """Return how long a page takes that follows half of the rows, in milliseconds."""
    from esap.results.filters import order_from
    from esap.results.reading import page, schema_of

    order = order_from("-mag", schema_of(stored))
    cursor: str | None = ""
    for _ in range(count // 2 // 10_000):
        cursor = page(stored, sort=order, columns=["id"], limit=10_000, cursor=cursor or "").cursor
    return typical(lambda: page(stored, sort=order, limit=PAGE, cursor=cursor or ""))


def typical(ask: Callable[[], object]) -> float:
    """Return the median of some tries, in milliseconds."""
    times = []
    for _ in range(5):
        began = time.process_time()
        ask()
        times.append(1000 * (time.process_time() - began))
    return median(times)


def batches(count: int) -> Any:
    """Yield rows as an archive would send them."""
    random = np.random.default_rng(1)
    size = 16_384
    for start in range(0, count, size):
        n = min(size, count - start)
        columns = {
            "id": pa.array(np.arange(start, start + n)),
            "name": pa.array([f"NGC {i}" for i in random.integers(0, count, n)]),
            "class": pa.array(random.choice(["star", "galaxy", "qso"], n)),
            "mag": pa.array(random.normal(size=n), mask=random.random(n) < 0.05),
        }
        for number in range(COLUMNS - len(columns)):
            columns[f"x{number}"] = pa.array(random.normal(size=n))
        yield pa.record_batch(columns)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
