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
