"""The README's tour and the first tutorial, followed to the letter, with `make run` beside.

Only the address of the gateway is put in. Then what the tour has no room for: a search that a
worker carries out, heard through both processes, and a question that comes in pieces.
"""

import csv
import io
import json
import re
import sys
from urllib.parse import urlsplit

import pyarrow.parquet
import pytest

from tests.e2e.machine import ROOT, Machine
from tests.e2e.reader import Reader, blocks, links_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them"),
]

README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorials" / "first-search.md"
ALCYONE = "66714384142368256"
BUILT_IN = ["gaia_bright", "hipparcos", "openngc"]

PIECEMEAL = """
import socket, sys, time
body = sys.argv[3].encode()
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as connection:
    connection.sendall(
        f"POST {sys.argv[2]} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n"
        "Accept: text/csv\\r\\nContent-Type: application/json\\r\\n"
        "Transfer-Encoding: chunked\\r\\n\\r\\n".encode()
    )
    for start in range(0, len(body), 20):
        piece = body[start : start + 20]
        connection.sendall(f"{len(piece):x}\\r\\n".encode() + piece + b"\\r\\n")
        time.sleep(0.02)
    connection.sendall(b"0\\r\\n\\r\\n")
    print(connection.makefile("rb").read().decode())
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory, loopback_only):
    """The gateway, running, without a network if that can be had."""
    machine = Machine(tmp_path_factory.mktemp("machine") / "var", loopback_only)
    run = machine.run()
    try:
        run.until_ready()
        yield machine
    finally:
        run.end()


@pytest.fixture(scope="module")
def reader(machine, tmp_path_factory):
    return Reader(machine, tmp_path_factory.mktemp("home"))


def tour(sign):
    """Return the one block of the README that has this sign."""
    (block,) = [block for block in blocks(README) if sign in block[1]]
    return block


def test_every_block_of_the_tour_is_proven_here():
    signs = [
        "text/csv",
        '"Crab Nebula"',
        '"adql"',
        "Table.read",
        "SCSService",
        "respond-async",
        "basket/items",
    ]

    assert [tour(sign) for sign in signs] == blocks(README)


@pytest.mark.parametrize("page", [README, TUTORIAL], ids=["readme", "tutorial"])
def test_links_lead_somewhere(page):
    links = links_of(page)

    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_cone_around_the_pleiades_has_their_stars(reader):
    lines = reader.types(*tour("text/csv")).splitlines()

    assert lines[0] == "archive,dataset,source_id,hip,ra,dec,phot_g_mean_mag,pmra,pmdec"
    assert len(lines) == 1 + 112
    stars = {row["source_id"]: row for row in csv.DictReader(lines)}
    assert stars[ALCYONE]["dataset"] == "gaia-bright-stars"
    assert float(stars[ALCYONE]["phot_g_mean_mag"]) == pytest.approx(2.896, abs=0.001)


def test_all_archives_are_asked_by_name_and_each_tells_how_it_fared(reader):
    events = [json.loads(line) for line in reader.types(*tour('"Crab Nebula"')).splitlines()]

    assert events[0]["event"] == "search"
    assert events[0]["resolved"]["name"] == "NGC1952"
    assert events[0]["resolved"]["resolver"] == "openngc"
    asked = [(one["archive"], one["dataset"]) for one in events[0]["asked"]]
    assert [archive for archive, _ in asked[:3]] == BUILT_IN
    outcomes = {
        (one["archive"], one["dataset"]): one for one in events if one["event"] == "archive"
    }
    assert sorted(outcomes) == sorted(asked)
    assert outcomes["gaia_bright", "gaia-bright-stars"]["status"] == "overflow"
    assert outcomes["openngc", "openngc-objects"]["status"] == "ok"
    (crab,) = [
        row for one in events if one["event"] == "rows" and one["archive"] == "openngc"
        for row in one["rows"]
    ]  # fmt: skip
    assert crab[0] == "NGC1952"
    assert events[-1]["event"] == "end"
    assert events[-1]["rows_total"] >= 3 + 3 + 1


def test_without_a_network_public_archives_say_so_and_what_to_do(machine, reader):
    if not machine.prefix:
        pytest.skip("this machine lets us make no network of its own")

    *_, end = reader.types(*tour('"Crab Nebula"')).splitlines()

    problems = json.loads(end)["problems"]
    assert {problem["slug"] for problem in problems} == {"backend-unavailable"}
    assert {problem["archive"] for problem in problems}.isdisjoint(BUILT_IN)
    assert all("Try again later" in problem["detail"] for problem in problems)


def test_an_expert_writes_adql(reader):
    answer = json.loads(reader.types(*tour('"adql"')))

    assert [column["name"] for column in answer["columns"]] == [
        "archive", "dataset", "name", "ra", "dec",
    ]  # fmt: skip
    assert [row[2] for row in answer["rows"]] == ["B033", "C009", "C014"]
    assert answer["archives"][0]["query"].startswith("SELECT TOP 3 name, ra, dec FROM")


def test_astropy_reads_the_answer_with_units(reader):
    names, units, _, brightest, *_ = reader.types(*tour("Table.read")).splitlines()

    assert names.split() == ["source_id", "ra", "dec", "phot_g_mean_mag"]
    assert units.split() == ["deg", "deg", "mag"]
    assert brightest.split()[0] == ALCYONE


def test_pyvo_searches_a_cone_and_knows_where_a_star_is(reader):
    said = reader.types(*tour("SCSService"))

    assert said == "112 stars; the first is at 56.984 23.1919\n"


def test_a_search_left_to_a_worker_is_followed_to_its_end(reader):
    events = sse(reader.types(*tour("respond-async")))

    (end,) = [data for name, data in events if name == "end"]
    assert end["resolved"]["resolver"] == "openngc"
    assert end["rows_total"] == 41 + 11
    assert end["problems"] == []
    assert events[-1] == ("phase", {"phase": "COMPLETED"})


def test_an_account_of_the_machine_has_a_basket(reader):
    said = reader.types(*tour("basket/items"))

    added, _, whoami = said.partition("}{")
    assert '"record": {"name": "Alcyone", "source_id": 66714384142368256}' in added
    assert '"user_name":"ada"' in whoami


def test_the_tutorial_says_what_it_promises(reader):
    found = blocks(TUTORIAL)
    typed = [text for kind, text in found if kind == "python"]

    archives, stars, column, distance, both, outcomes, query = reader.types_on(typed)

    assert [line.split()[0] for line in archives.splitlines()[:4]] == ["astron_vo", *BUILT_IN]
    assert stars.startswith("26 stars\n")
    assert "mas" in stars
    assert column == "mas - Parallax\n"
    assert distance == "22 members at 118 parsec\n"
    assert both == "Counter({'gaia_bright': 41, 'hipparcos': 11})\n"
    assert outcomes.startswith("M1 is Supernova remnant, known as M 1, Crab Nebula - says openngc")
    assert re.search(r"^openngc +ok +OpenNGC answered with 1 row\.$", outcomes, re.MULTILINE)
    assert query.startswith("SELECT TOP 4 * FROM gaia.stars WHERE 1 = CONTAINS(")


def test_the_tutorials_commands_do_too(reader):
    commands = [(kind, text) for kind, text in blocks(TUTORIAL) if kind == "sh"]
    assert len(commands) == 3

    watched, counted, saved = [reader.types(kind, text) for kind, text in commands]

    assert json.loads(watched.splitlines()[-1])["event"] == "end"
    magnitudes = list(csv.DictReader(io.StringIO(counted)))
    assert list(magnitudes[0]) == ["archive", "dataset", "g", "stars"]
    assert sum(int(row["stars"]) for row in magnitudes) == 482_176
    assert saved == ""
    table = pyarrow.parquet.read_table(reader.home / "pleiades.parquet")
    assert int(ALCYONE) in table.column("source_id").to_pylist()


def test_events_are_heard_from_the_events_process_and_can_be_resumed(machine, reader):
    token = reader.types("sh", "export ESAP_TOKEN=$(make -s token); echo $ESAP_TOKEN").strip()
    known = ("-H", f"Authorization: Bearer {token}")
    question = {"archives": ["openngc"], "target": "M1"}
    events = json.loads(
        curl(
            machine, *known, "-H", "Prefer: respond-async", "-H", "Content-Type: application/json",
            "-d", json.dumps(question), "/esap-api/query/searches/",
        )
    )["events"]  # fmt: skip

    redirect = curl(
        machine, *known, "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", events
    )
    heard = curl(machine, *known, "-L", events)

    code, _, location = redirect.partition(" ")
    assert code == "307"
    assert urlsplit(location).port == machine.events_port
    assert [name for name, _ in sse(heard)] == [
        "phase", "phase", "search", "columns", "rows", "archive", "end", "result", "result",
        "phase",
    ]  # fmt: skip
    ids = re.findall(r"^id: (\d+)$", heard, re.MULTILINE)
    resumed = curl(machine, *known, "-L", "-H", f"Last-Event-ID: {ids[-3]}", events)
    assert [name for name, _ in sse(resumed)] == ["result", "phase"]


def test_a_question_that_comes_in_pieces_is_understood(machine):
    question = {"archives": ["gaia_bright"], "ra": 56.75, "dec": 24.12, "fov": 1, "limit": 500}

    done = machine.command(
        sys.executable, "-c", PIECEMEAL, str(machine.port), "/esap-api/query/searches/",
        json.dumps(question),
    )  # fmt: skip

    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    assert head.startswith("HTTP/1.1 200 OK\n"), done
    assert "\nContent-Type: text/csv\n" in head
    assert "archive,dataset,source_id," in body
    assert f"gaia_bright,gaia-bright-stars,{ALCYONE}," in body


def curl(machine, *words):
    *options, path = words
    done = machine.command("curl", "-sN", *options, f"http://localhost:{machine.port}{path}")
    done.check_returncode()
    return done.stdout


def sse(text):
    """Return the events of a stream: name and data."""
    found = re.findall(r"^event: (\S+)\ndata: (.*)$", text, re.MULTILINE)
    return [(name, json.loads(data)) for name, data in found]
