"""How fast VOTables are read, and tables written, beside astropy.

    python benchmarks/tables.py            # a few minutes: 1e3 to 1e6 rows of 20 columns
    python benchmarks/tables.py --quick    # seconds: up to 1e4 rows

Every case runs in a process of its own, one after another, so that its CPU seconds and its memory
above that of the process before are its own. Results go to benchmarks/results/tables.json.
"""

import argparse
import base64
import io
import json
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "tables.json"
SERIALIZATIONS = ("TABLEDATA", "BINARY", "BINARY2")
ENCODERS = ("json", "json-columns", "ndjson", "csv", "votable", "votable-td", "parquet", "arrow")
GOALS = {"TABLEDATA": 8, "BINARY2": 15}
GOAL_MB = 64

# Twenty columns as catalogues have them; None is what stands for null.
COLUMNS = [
    ("id", "long"), ("ra", "double"), ("dec", "double"),
    *[(f"f{number}", "float") for number in range(8)],
    *[(f"d{number}", "double") for number in range(3)],
    ("i1", "int"), ("i2", "int"), ("s1", "short"), ("b1", "boolean"),
    ("name", "char"), ("class", "char"),
]  # fmt: skip
NULL = -999
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<VOTABLE version="1.4" '
    'xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
    '<INFO name="QUERY_STATUS" value="OK"/><TABLE name="t">\n'
)
TAIL = b"</DATA></TABLE></RESOURCE></VOTABLE>\n"


def head() -> bytes:
    fields = ""
    for name, datatype in COLUMNS:
        size = ' arraysize="*"' if datatype == "char" else ""
        null = f'<VALUES null="{NULL}"/>' if name == "i2" else ""
        fields += f'<FIELD name="{name}" datatype="{datatype}"{size}>{null}</FIELD>\n'
    return f"{HEAD}{fields}<DATA>".encode()


def values(rows: int):
    """The same columns for every serialization: 5 % NaN, 10 % nulls, text of 7 to 23 characters."""
    import numpy as np

    random = np.random.default_rng(1)
    columns = {
        "id": np.arange(rows, dtype="i8") * 1_000_003 + 4_000_000_000_000_000_000,
        "ra": random.uniform(0, 360, rows),
        "dec": random.uniform(-90, 90, rows),
    }
    for number in range(8):
        column = random.normal(10, 5, rows).astype("f4")
        column[random.random(rows) < 0.05] = np.nan
        columns[f"f{number}"] = column
    for number in range(3):
        columns[f"d{number}"] = random.normal(0, 1, rows)
    columns["i1"] = random.integers(0, 100_000, rows).astype("i4")
    columns["i2"] = random.integers(0, 1000, rows).astype("i4")
    columns["i2"][random.random(rows) < 0.1] = NULL
    columns["s1"] = random.integers(0, 30_000, rows).astype("i2")
    columns["b1"] = random.random(rows) < 0.5
    columns["name"] = [
        f"ESAPT J{ra:08.4f}{dec:+08.4f}"
        for ra, dec in zip(columns["ra"], columns["dec"], strict=True)
    ]
    columns["class"] = random.choice(["STAR", "GALAXY", "QSO"], rows).tolist()
    return columns


def write(path: Path, serialization: str, rows: int) -> None:
    columns = values(rows)
    with path.open("wb") as file:
        file.write(head())
        if serialization == "TABLEDATA":
            file.write(b"<TABLEDATA>\n")
            cells = [as_text(columns[name]) for name, _ in COLUMNS]
            file.writelines(
                f"<TR><TD>{'</TD><TD>'.join(row)}</TD></TR>\n".encode()
                for row in zip(*cells, strict=True)
            )
            file.write(b"</TABLEDATA>")
        else:
            file.write(f'<{serialization}><STREAM encoding="base64">\n'.encode())
            file.write(base64.encodebytes(as_binary(columns, rows, serialization)))
            file.write(f"</STREAM></{serialization}>".encode())
        file.write(TAIL)


def as_text(column) -> list[str]:
    if isinstance(column, list):
        return column
    if column.dtype == bool:
        return ["T" if value else "F" for value in column]
    return ["NaN" if value != value else str(value) for value in column]  # noqa: PLR0124 -- NaN


def as_binary(columns, rows: int, serialization: str) -> bytes:
    import numpy as np

    formats = {"long": ">i8", "double": ">f8", "float": ">f4", "int": ">i4", "short": ">i2"}
    fixed = [(name, formats.get(kind, "S1")) for name, kind in COLUMNS if kind != "char"]
    flags = [("flags", "u1", (3,))] if serialization == "BINARY2" else []
    run = np.zeros(rows, dtype=[*flags, *fixed])
    for name, _ in fixed:
        column = columns[name]
        run[name] = np.where(column, b"T", b"F") if name == "b1" else column
    if flags:
        null = np.zeros((rows, 24), dtype="u1")
        null[:, 15] = columns["i2"] == NULL
        run["flags"] = np.packbits(null, axis=1)
    raw, width = run.tobytes(), run.itemsize
    made = io.BytesIO()
    for row, texts in enumerate(zip(columns["name"], columns["class"], strict=True)):
        made.write(raw[row * width : (row + 1) * width])
        for text in texts:
            made.write(len(text).to_bytes(4, "big") + text.encode())
    return made.getvalue()


# The cases, each in its own process


def chunks(path: Path):
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            yield chunk


def read_ours(path: Path) -> int:
    from esap.tables.votable import read_votable

    return sum(batch.num_rows for batch in read_votable(chunks(path)))


def read_astropy(path: Path) -> int:
    from astropy.io.votable import parse

    return len(parse(path, verify="ignore").get_first_table().array)


def write_ours(name: str):
    from esap.tables.encoders import ENCODERS as FORMATS
    from esap.tables.stream import TableStream

    def encode(table) -> int:
        return sum(map(len, FORMATS[name].encode(TableStream.of(table))))

    return encode


def write_astropy(tabledata_format: str):
    def encode(table) -> int:
        file = io.BytesIO()
        table.write(file, format="votable", tabledata_format=tabledata_format)
        return len(file.getvalue())

    return encode


def peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measured(work, subject, warm_up, repeats: int) -> dict[str, float]:
    work(warm_up)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = peak_mb()
    seconds = []
    result = 0
    for _ in range(repeats):
        start = time.process_time()
        result = work(subject)
        seconds.append(time.process_time() - start)
    return {
        "cpu_s": round(min(seconds), 5),
        "peak_mb": round(peak_mb() - before, 1),
        "result": result,
    }


def run_case(case: str, folder: Path, rows: int) -> dict[str, float]:
    repeats = 1 if rows >= 1_000_000 else 3
    action, who, what = case.split(":")
    if action == "read":
        work = read_ours if who == "ours" else read_astropy
        return measured(work, folder / f"{what}_{rows}", folder / f"{what}_1000", repeats)
    from esap.tables.votable import read_votable

    table, small = (
        read_votable(chunks(folder / f"BINARY2_{count}")).read_all() for count in (rows, 1000)
    )
    if who == "ours":
        return measured(write_ours(what), table, small, repeats)
    return measured(write_astropy(what), for_astropy(table), for_astropy(small), repeats)


def for_astropy(table):
    import numpy as np
    from astropy.table import MaskedColumn, Table

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        mask = np.asarray(column.is_null())
        filled = column.fill_null(
            "" if column.type == "string" else False if column.type == "bool" else 0
        )
        values = filled.to_pylist() if column.type == "string" else filled.to_numpy()
        columns[name] = MaskedColumn(values, mask=mask)
    return Table(columns)


def in_process(case: str, folder: Path, rows: int) -> dict[str, float]:
    command = [
        sys.executable,
        __file__,
        "--case",
        case,
        "--folder",
        str(folder),
        "--rows",
        str(rows),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


# The report


def report_reading(folder: Path, sizes: list[int]) -> list[dict[str, object]]:
    print("\nReading 20 columns     rows   ours CPU s  peak MB   astropy CPU s  peak MB     times")
    found = []
    for rows in sizes:
        for what in SERIALIZATIONS:
            ours = in_process(f"read:ours:{what}", folder, rows)
            theirs = in_process(f"read:astropy:{what}", folder, rows)
            assert ours["result"] == theirs["result"] == rows
            times = round(theirs["cpu_s"] / ours["cpu_s"], 1)
            print(
                f"{what:<16}{rows:>11}{ours['cpu_s']:>13.3f}{ours['peak_mb']:>9.0f}"
                f"{theirs['cpu_s']:>16.2f}{theirs['peak_mb']:>9.0f}{times:>10.1f}"
            )
            found.append(
                {"what": what, "rows": rows, "ours": ours, "astropy": theirs, "times": times}
            )
    return found


def report_writing(folder: Path, sizes: list[int], astropy_rows: int) -> list[dict[str, object]]:
    print("\nWriting 20 columns     rows        CPU s  peak MB      rows/CPU s  bytes/row")
    found = []
    cases = [(f"write:ours:{name}", name, rows) for name in ENCODERS for rows in sizes]
    cases += [
        (f"write:astropy:{name}", f"astropy {name}", astropy_rows)
        for name in ("binary2", "tabledata")
    ]
    for case, title, rows in cases:
        case_found = in_process(case, folder, rows)
        speed = round(rows / case_found["cpu_s"])
        print(
            f"{title:<18}{rows:>9}{case_found['cpu_s']:>13.3f}{case_found['peak_mb']:>9.0f}"
            f"{speed:>16,.0f}{case_found['result'] / rows:>11.0f}"
        )
        found.append({"what": title, "rows": rows, "rows_per_cpu_s": speed, **case_found})
    speeds = {(entry["what"], entry["rows"]): entry["rows_per_cpu_s"] for entry in found}
    for ours, theirs in (("votable", "binary2"), ("votable-td", "tabledata")):
        times = speeds[ours, astropy_rows] / speeds[f"astropy {theirs}", astropy_rows]
        print(f"{ours} is written {times:.0f} times as fast as astropy writes {theirs}")
    return found


def verdict(reading: list[dict[str, object]]) -> bool:
    """Whether the goals hold from 1e5 rows on."""
    held = True
    for entry in reading:
        if entry["rows"] < 100_000:
            continue
        goal = GOALS.get(entry["what"], 0)
        fine = entry["times"] >= goal and entry["ours"]["peak_mb"] < GOAL_MB
        held = held and fine
        if not fine:
            print(
                f"MISSED: {entry['what']} at {entry['rows']} rows (goal {goal} times, {GOAL_MB} MB)"
            )
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 1e4 rows")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case == "make":
        for serialization in SERIALIZATIONS:
            write(asked.folder / f"{serialization}_{asked.rows}", serialization, asked.rows)
        print("{}")
        return
    if asked.case:
        print(json.dumps(run_case(asked.case, asked.folder, asked.rows)))
        return
    sizes = [1000, 10_000] if asked.quick else [1000, 10_000, 100_000, 1_000_000]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in sizes:
            in_process("make", folder, rows)
        reading = report_reading(folder, sizes)
        writing = report_writing(
            folder, sizes[-1:] if asked.quick else sizes[2:], sizes[min(2, len(sizes) - 1)]
        )
    if not asked.quick:
        machine = {
            "when": time.strftime("%Y-%m-%d"), "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            **{package: version(package) for package in ("astropy", "pyarrow", "numpy")},
        }  # fmt: skip
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(
            json.dumps({"machine": machine, "reading": reading, "writing": writing}, indent=1)
            + "\n"
        )
        print(f"\nWritten to {RESULTS}")
        sys.exit(0 if verdict(reading) else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
