"""The figures in the documentation are those that were measured."""

import json

from benchmarks.page import PAGE, page
from benchmarks.support import RESULTS


def test_the_page_shows_what_was_measured_last() -> None:
    written = page(RESULTS)

    assert written == PAGE.read_text(), "Run 'python -m benchmarks.page' and commit the page."


def test_numbers_are_told_with_their_ratios(tmp_path) -> None:
    measured = {
        "latency": 0.5,
        "rows": 500,
        "archives": [
            {
                "archives": 10,
                "ours": {"wall": 0.5, "cpu": 0.025},
                "first_row": 0.4,
                "serial": {"wall": 5.25, "cpu": 0.1},
                "threads": {"wall": 0.75, "cpu": 0.11},
            }
        ],
        "harm": [{"mode": "hang", "alone": 0.5, "beside": 0.52}],
    }
    kept = {"machine": {"python": "3.11.7", "cores": 2}, "measured": measured}
    (tmp_path / "federation.json").write_text(json.dumps(kept))

    lines = page(tmp_path).splitlines()

    assert ("| 10 | 0.500 s | 5.25 s | 10 | 0.750 s | 1.5 | 0.400 s | 2.5 ms | 11.0 ms |") in lines
    assert "| hang | 0.500 s | 0.520 s | 1.04 |" in lines


def test_jobs_are_told_with_what_was_promised_of_them(tmp_path) -> None:
    one = {
        "jobs": 10_000, "processes": 2, "submitted_per_s": 250.4, "jobs_per_s": 61.0,
        "worker_cpu_ms": 21.25, "lost": 0, "twice": 0, "listeners": 1_000, "p50_ms": 140.0,
        "p99_ms": 260.5, "listener_kb": 58.2, "vanished": 333, "let_go_s": 33.9, "never_closed": 0,
        "kept_mb": 4.26,
    }  # fmt: skip
    kept = {"machine": {"python": "3.11.7", "cores": 2}, "measured": {"SQLite": one}}
    (tmp_path / "jobs.json").write_text(json.dumps(kept))

    lines = page(tmp_path).splitlines()

    assert "| SQLite | 10\N{NO-BREAK SPACE}000 | 250 | 61 | 30 | 21.2 ms | 0 | 0 |" in lines
    assert (
        "| SQLite | 1\N{NO-BREAK SPACE}000 | 140.0 ms | 260.5 ms | 58 kB | 33.9 s | 0 | 4.3 MB |"
        in lines
    )


def test_callers_are_told_side_by_side(tmp_path) -> None:
    one = {"cpu_ms": 1.25, "sql": 0, "provider": 0, "requests": 3000}
    two = {"cpu_ms": 2.04, "sql": 1, "provider": 1, "requests": 3000}
    measured = {"SQLite": {"nobody": one}, "PostgreSQL": {"nobody": two}}
    kept = {"machine": {"python": "3.11.7", "cores": 2}, "measured": measured}
    (tmp_path / "auth.json").write_text(json.dumps(kept))

    written = page(tmp_path)

    assert "| nobody | 1.2 ms | 2.0 ms | 0 | 1 | 1 |" in written.splitlines()
    assert "for 6\N{NO-BREAK SPACE}000 requests" in " ".join(written.split("\n"))


def test_what_was_not_measured_is_left_out(tmp_path) -> None:
    written = page(tmp_path)

    assert written.startswith("<!-- Written by")
    assert "##" not in written
