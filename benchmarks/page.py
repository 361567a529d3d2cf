"""Write docs/reference/benchmarks.md from what was measured last.

python -m benchmarks.page
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.support import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "benchmarks.md"
PUBLISHED = {"cpu_ms": 22.8, "sql": 43}
"""What the published gateway needs for `datasets-uri`."""

HEAD = """\
<!-- Written by `python -m benchmarks.page`. -->
# Benchmarks

Every figure that we claim, and the command that measures it again; `make bench` runs them all and
writes this page. Peers are on loopback, so the network plays no part.
"""

FEDERATION = """\
## One question to many archives

    make bench BENCHMARKS=federation

Archives that think for {latency:g} s and answer {rows} rows. Beside us pyvo, asking one after
another, and in one thread per archive. {machine}

{asked}
One of ten archives misbehaves. When have the nine others answered?

{harmed}"""

METADATA = """\
## Lists of archives and datasets

    make bench BENCHMARKS=metadata

CPU of the server for one request over HTTP, and SQL statements. For `datasets-uri` the published
gateway needs {cpu_ms} ms and {sql} statements: {times} times as much CPU as ours. {machine}

{costs}
How long a request for `datasets-uri` takes, seen by the client:

{waits}"""

AUTH = """\
## Who asks

    make bench BENCHMARKS=auth

CPU of the server for one `GET accounts/whoami/` over HTTP, by what the caller came with; SQL
statements; and calls to the login provider, a real one, for {requests} requests. An access token is
verified here, by keys that are kept. {machine}

{costs}"""

JOBS = """\
## Jobs

    make bench BENCHMARKS=jobs

Jobs that do nothing, through a worker of {processes} processes on the embedded Valkey, which is
told of each of them twice. Goals: none lost, none done twice. {machine}

{carried_out}
Listeners of a job each, at one events process; a third of them vanish without a word. An event is
late by the time from its commit to its listener. Goals: those who vanished are let go of within
60 s; when all are gone, no descriptor is left open and at most 20 MB more are kept than after an
earlier crowd of that size.

{heard}"""

TABLES = """\
## Tables

    make bench BENCHMARKS=tables

Twenty columns: numbers with NaN and nulls, two texts. Each case runs in a process of its own; CPU
seconds, and peak memory above what the process had before. Beside us astropy {astropy}. {machine}

Reading VOTables (goals: TABLEDATA 8 times and BINARY2 15 times as fast, under 64 MB):

{reading}
Writing:

{writing}"""

PAGING = """\
## Stored results

    make bench BENCHMARKS=results_paging

A stored table of {rows} rows with {columns} columns, {bytes_per_row} bytes a row. To store it takes
{stored} of CPU; all together took {peak} of memory, of which DuckDB may have 512 MB. {machine}

{pages}
{downloads}"""

STAGING = """\
## Staging

    make bench BENCHMARKS=staging

DIDs are asked for at a real Rucio, and then how their rules stand. Rucio's daemons are paused; its
server and its database run beside us, and take most of the time: that of making rules above all.
Ours does more than make rules: it adds up the files, looks at the quota, and writes down a job for
each DID, by which all of it survives a crash. {machine}

{costs}
Peak memory is {ours_mb} for the gateway, with Django, {following_mb} after it has followed the
{following} rules, and {theirs_mb} for rucio-clients. One look at all rules of an account is a
question for each of the five open states, and one for each rule that is in none of them any more.
If these are more than twenty, they are looked for among the fulfilled ones first, in one question.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(RESULTS), encoding="utf-8")


def page(results: Path) -> str:
    """Return the page for a folder of results; what was not measured has no section."""
    sections = {
        "federation": federation,
        "metadata": metadata,
        "auth": auth,
        "jobs": jobs,
        "results_paging": paging,
        "staging": staging,
        "tables": tables,
    }
    kept = {name: results / f"{name}.json" for name in sections}
    found = {name: json.loads(path.read_text()) for name, path in kept.items() if path.exists()}
    return "\n".join([HEAD, *(sections[name](measured) for name, measured in found.items())])


def federation(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    asked = [
        [
            f"{one['archives']}",
            seconds(one["ours"]["wall"]),
            seconds(one["serial"]["wall"]),
            times(one["serial"]["wall"] / one["ours"]["wall"]),
            seconds(one["threads"]["wall"]),
            times(one["threads"]["wall"] / one["ours"]["wall"]),
            seconds(one["first_row"]),
            milliseconds(1000 * one["ours"]["cpu"] / one["archives"]),
            milliseconds(1000 * one["threads"]["cpu"] / one["archives"]),
        ]
        for one in measured["archives"]
    ]
    harmed = [
        [
            one["mode"],
            seconds(one["alone"]),
            seconds(one["beside"]),
            f"{one['beside'] / one['alone']:.2f}",
        ]
        for one in measured["harm"]
    ]
    return FEDERATION.format(
        latency=measured["latency"],
        rows=measured["rows"],
        machine=machine(kept),
        asked=table(
            "archives, ours, pyvo one by one, times, pyvo in threads, times, our first row, "
            "our CPU per archive, pyvo's",
            asked,
        ),
        harmed=table("it does, nine alone, nine beside it, ratio", harmed),
    )


def metadata(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    costs = [
        [f"`{name}`", milliseconds(cpu), f"{measured['sql'][name]}"]
        for name, cpu in measured["cpu_ms"].items()
    ]
    waits = [
        ["nothing", *map(milliseconds, measured["alone_ms"])],
        ["two searches over 50 archives each", *map(milliseconds, measured["beside_ms"])],
    ]
    return METADATA.format(
        **PUBLISHED,
        times=times(PUBLISHED["cpu_ms"] / measured["cpu_ms"]["datasets-uri"]),
        machine=machine(kept),
        costs=table("list, CPU, SQL statements", costs),
        waits=table("meanwhile there run, median, 99 %", waits),
    )


def paging(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    return PAGING.format(
        rows=count(measured["rows"]),
        columns=measured["columns"],
        bytes_per_row=measured["bytes_per_row"],
        stored=seconds(measured["stored_s"]),
        peak=megabytes(measured["peak_mb"]),
        machine=machine(kept),
        pages=table(
            "a page of 100 rows, CPU",
            [[name, milliseconds(cpu)] for name, cpu in measured["pages_ms"].items()],
        ),
        downloads=table(
            "all rows, CPU", [[name, seconds(cpu)] for name, cpu in measured["downloads_s"].items()]
        ),
    )


def jobs(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    carried_out = [
        [
            name,
            count(each["jobs"]),
            count(each["submitted_per_s"]),
            count(each["jobs_per_s"]),
            f"{each['jobs_per_s'] / each['processes']:.0f}",
            milliseconds(each["worker_cpu_ms"]),
            f"{each['lost']}",
            f"{each['twice']}",
        ]
        for name, each in measured.items()
    ]
    heard = [
        [
            name,
            count(each["listeners"]),
            milliseconds(each["p50_ms"]),
            milliseconds(each["p99_ms"]),
            f"{each['listener_kb']:.0f} kB",
            seconds(each["let_go_s"]),
            f"{max(0, each['never_closed'])}",
            f"{max(0.0, each['kept_mb']):.1f} MB",
        ]
        for name, each in measured.items()
    ]
    return JOBS.format(
        processes=measured["SQLite"]["processes"],
        machine=machine(kept),
        carried_out=table(
            "database, jobs, submitted per second, done per second, by each process, CPU per job, "
            "lost, done twice",
            carried_out,
        ),
        heard=table(
            "database, listeners, median lateness, 99 %, memory of each, let go after, left open, "
            "kept",
            heard,
        ),
    )


def staging(kept: dict[str, Any]) -> str:
    measured = kept["measured"]
    costs = [
        [what.format(**measured), who, f"{cost['requests']}", seconds(cost["wall"])]
        for what, costs in measured["costs"].items()
        for who, cost in costs.items()
    ]
    return STAGING.format(
        machine=machine(kept),
        costs=table("what, who, requests, time", costs),
        following=count(measured["following"]),
        ours_mb=megabytes(measured["peak_mb"]["ours"]),
        following_mb=megabytes(measured["peak_mb"]["ours, following"]),
        theirs_mb=megabytes(measured["peak_mb"]["rucio-clients"]),
    )


def auth(kept: dict[str, Any]) -> str:
    sqlite, postgresql = (kept["measured"][name] for name in ("SQLite", "PostgreSQL"))
    costs = [
        [
            who,
            milliseconds(one["cpu_ms"]),
            milliseconds(postgresql[who]["cpu_ms"]),
            f"{one['sql']}",
            f"{postgresql[who]['sql']}",
            f"{one['provider'] + postgresql[who]['provider']}",
        ]
        for who, one in sqlite.items()
    ]
    return AUTH.format(
        requests=count(sum(each["nobody"]["requests"] for each in (sqlite, postgresql))),
        machine=machine(kept),
        costs=table(
            "caller, CPU on SQLite, CPU on PostgreSQL, SQL on SQLite, SQL on PostgreSQL, calls to "
            "the provider",
            costs,
        ),
    )


def tables(kept: dict[str, Any]) -> str:
    reading = [
        [
            one["what"],
            count(one["rows"]),
            seconds(one["ours"]["cpu_s"]),
            megabytes(one["ours"]["peak_mb"]),
            seconds(one["astropy"]["cpu_s"]),
            megabytes(one["astropy"]["peak_mb"]),
            times(one["astropy"]["cpu_s"] / one["ours"]["cpu_s"]),
        ]
        for one in kept["reading"]
    ]
    writing = [
        [
            one["what"],
            count(one["rows"]),
            seconds(one["cpu_s"]),
            megabytes(one["peak_mb"]),
            count(round(one["rows"] / one["cpu_s"], -3)),
            f"{one['result'] / one['rows']:.0f}",
        ]
        for one in kept["writing"]
    ]
    return TABLES.format(
        astropy=kept["machine"]["astropy"],
        machine=machine(kept),
        reading=table("read, rows, ours, peak, astropy, peak, times", reading),
        writing=table("written, rows, CPU, peak, rows per CPU second, bytes per row", writing),
    )


def table(head: str, rows: Iterable[list[str]]) -> str:
    """Return a Markdown table with all columns but the first to the right."""
    names = head.split(", ")
    marks = ["---", *["---:"] * (len(names) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (names, marks, *rows))


def machine(kept: dict[str, Any]) -> str:
    about = kept["machine"]
    cores = f" on {about['cores']} cores" if "cores" in about else ""
    return f"Measured with Python {about['python']}{cores}."


def seconds(value: float) -> str:
    return f"{value:#.3g} s"


def milliseconds(value: float) -> str:
    return f"{value:.1f} ms"


def megabytes(value: float) -> str:
    return f"{count(value)} MB"


def times(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"


def count(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}")


if __name__ == "__main__":
    main()
