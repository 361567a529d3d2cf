"""docs/how-to/add-an-archive.md, followed to the letter with a real archive.

Only the addresses are put in: of the archive, and of the gateway, which here must not take the
port of one that runs already. `make run` is what it becomes once all is installed.
"""

import csv
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

pytestmark = pytest.mark.peer("dachs")

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "how-to" / "add-an-archive.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^# ~/(\S+)\n")
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Reader:
    """Somebody at a terminal, in an empty home folder, who does what the page says."""

    def __init__(self, home: Path, archive: str) -> None:
        self.home = home
        self.port = free_port()
        self.addresses = {
            "https://vo.example.org/tap": archive,
            "http://localhost:8000": f"http://127.0.0.1:{self.port}",
            ".venv/bin/python": shlex.quote(sys.executable),
            "make run": f"exec {shlex.quote(sys.executable)} -m esap.serve",
        }
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ESAP_", "DJANGO_")) and name != "REDIS_URL"
        } | {
            "HOME": str(home),
            "ESAP_DATA_DIR": str(home / "data"),
            "ESAP_PORT": str(self.port),
            "ESAP_EVENTS_PORT": str(free_port()),
            "ESAP_ALLOWED_HOSTS": "127.0.0.1",
        }
        self.said: dict[str, str] = {}
        self.gateway: subprocess.Popen[str] | None = None

    def follow(self, kind: str, text: str) -> None:
        text = text if kind == "yaml" else text.strip()
        for written, real in self.addresses.items():
            text = text.replace(written, real)
        if kind == "yaml":
            self._write(text)
        elif "esap.serve" in text:
            self._start(text)
        else:
            done = subprocess.run(
                ["bash", "-c", text],
                cwd=ROOT,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            self.said[text] = done.stdout

    def answer(self, pattern: str) -> str:
        """Return what the one command that fits this pattern said."""
        (said,) = [said for command, said in self.said.items() if re.search(pattern, command)]
        return said

    def leave(self) -> None:
        if self.gateway is not None:
            self.gateway.send_signal(signal.SIGINT)
            self.gateway.wait(PATIENCE)

    def _write(self, text: str) -> None:
        named = FILE.match(text)
        assert named, f"Where is this to be written?\n{text}"
        (self.home / named[1]).write_text(text, encoding="utf-8")

    def _start(self, command: str) -> None:
        with (self.home / "gateway.log").open("w") as log:
            self.gateway = subprocess.Popen(
                ["bash", "-c", command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        ready = f"http://127.0.0.1:{self.port}/esap-api/health/ready"
        ends = time.monotonic() + PATIENCE
        with requests.Session() as session:
            while time.monotonic() < ends and self.gateway.poll() is None:
                try:
                    if session.get(ready, timeout=5).ok:
                        return
                except (requests.ConnectionError, requests.Timeout):
                    pass
                time.sleep(0.2)
        pytest.fail((self.home / "gateway.log").read_text())


@pytest.fixture(scope="module")
def reader(dachs, tmp_path_factory) -> Iterator[Reader]:
    """A reader who has followed the whole page."""
    reader = Reader(tmp_path_factory.mktemp("home"), dachs.links["tap"])
    try:
        for kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            reader.follow(kind, text)
        yield reader
    finally:
        reader.leave()


def rows(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer)))


def test_the_entry_is_found_right(reader):
    assert "no issues" in reader.answer(r"manage\.py check$")


def test_the_archive_is_listed(reader):
    listed = json.loads(reader.answer("archives-uri"))

    assert listed["name"] == "My archive"
    assert listed["datasets"] == ["my-observations", "my-stars"]


def test_the_tables_of_the_archive_are_shown(reader):
    tables = {
        table["table_name"]: {field["name"]: field for field in table["fields"]}
        for table in json.loads(reader.answer("get-tables-fields"))["results"]
    }

    assert tables["gaia.bright"]["phot_g_mean_mag"] == {
        "name": "phot_g_mean_mag",
        "description": "G magnitude",
        "unit": "mag",
        "datatype": "float",
    }
    assert "s_ra" in tables["ivoa.obscore"]


def test_the_search_gets_rows(reader):
    found = rows(reader.answer(r'"archives": '))

    assert len(found) > 50
    assert {row["archive"] for row in found} == {"my_archive"}
    assert "66714384142368256" in {row["source_id"] for row in found}  # Alcyone


def test_the_parameter_of_the_mapping_narrows_the_rows(reader):
    found = rows(reader.answer("brighter_than"))

    assert 5 <= len(found) <= 10
    assert all(float(row["phot_g_mean_mag"]) <= 5 for row in found)
