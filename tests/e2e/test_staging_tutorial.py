"""The tutorial of the data lakes, followed to the letter, with the real Rucio and `make run`."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.machine import ROOT, Machine
from tests.e2e.reader import Reader, blocks, links_of
from tests.support import sample_lake
from tests.support.browser import browser_page
from tests.support.rucio import Lake

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them"),
]

TUTORIAL = ROOT / "docs" / "tutorials" / "first-staging.md"


@pytest.fixture(scope="module")
def entries(rucio, tmp_path_factory):
    """What `make lake` does, with the Rucio of the tests instead of one that stays."""
    sample_lake.fill(Lake(rucio.url, rucio.links["site"]), rucio.links["storage"])
    folder = tmp_path_factory.mktemp("lake")
    sample_lake.write_entries(folder, rucio)
    return folder


@pytest.fixture(scope="module")
def machine(entries, tmp_path_factory):
    machine = Machine(tmp_path_factory.mktemp("machine") / "var")
    run = machine.run(ESAP_PEERS=str(entries))
    try:
        run.until_ready()
        yield machine
    finally:
        run.end()


@pytest.fixture
def token(machine, chromium):
    """The token that one gets by the browser, as the page says."""
    here = f"http://localhost:{machine.port}"
    with browser_page(chromium) as page:
        page.goto(here)
        page.get_by_role("link", name="Log in").click()
        page.get_by_role("link", name="Test IAM").click()
        page.get_by_label("User").fill("alice")
        page.get_by_label("Password").fill("alice")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{here}/")
        page.goto(f"{here}/esap-api/accounts/api-tokens/")
        page.locator("input[name=name]").fill("tutorial")
        page.locator("select[name=scopes]").select_option(["rucio:write", "jobs:write"])
        page.get_by_role("button", name="POST").first.click()
        shown = page.locator("pre", has_text="201 Created").inner_text()
    return re.search(r'"token": "(esap_api_[^"]+)"', shown)[1]


def test_make_lake_starts_it_and_writes_the_entries_that_make_run_is_given():
    told = ["make", "--dry-run", "--no-print-directory", "lake", f"VENV={sys.prefix}"]
    plan = subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    page = TUTORIAL.read_text(encoding="utf-8")

    assert plan.splitlines()[-1].endswith("python -m tests.support.sample_lake var/lake")
    assert "\nESAP_PEERS=var/lake make run\n" in page
    assert "`var/lake/lake.yaml`" in page


def test_a_second_make_lake_finds_all_there_and_shows_the_secrets_to_nobody(rucio, entries):
    before = (entries / "lake.yaml").read_text()

    sample_lake.fill(Lake(rucio.url, rucio.links["site"]), rucio.links["storage"])
    file = sample_lake.write_entries(entries, rucio)

    assert (file, file.read_text()) == (entries / "lake.yaml", before)
    modes = {each.name: each.stat().st_mode & 0o077 for each in entries.iterdir()}
    assert {name for name, mode in modes.items() if not mode} == {"rucio-password", "iam-secret"}


def test_links_lead_somewhere():
    assert [link for link in links_of(TUTORIAL) if not (TUTORIAL.parent / link).exists()] == []


def test_the_page_says_what_it_promises(machine, token, tmp_path):
    run, export, *others = blocks(TUTORIAL, "make lake")
    assert run[1] == "ESAP_PEERS=var/lake make run\n"
    assert export[1] == "export ESAP_TOKEN=esap_api_...\n"
    reader = Reader(machine, tmp_path)
    typed = [text for kind, text in others if kind == "python"]
    (upload,) = [text for kind, text in others if kind == "sh"]
    env = {**os.environ, "ESAP_TOKEN": token}

    near, held, images, room, made, events, told, opened, kept = reader.types_on(typed, env=env)
    brought = reader.types("sh", upload, env=env)

    assert near == "Sample lake near ['desk']\n"
    assert re.search(r"^dataset  pleiades\.images$", held, re.MULTILINE)
    assert re.findall(r"^file     (pleiades\.\w\.fits)$", held, re.MULTILINE) == [
        "pleiades.B.fits", "pleiades.R.fits", "pleiades.V.fits",
    ]  # fmt: skip
    assert images.startswith("3 files of 60480 bytes in all\npleiades.B.fits is at ['LAKE-NL']\n")
    assert room == "60480 bytes have to come; 1 place has room for them\n"
    assert made.startswith("202 ")
    assert events.endswith('data: {"phase": "COMPLETED"}\n')
    sentence, path = told.splitlines()
    assert sentence.startswith("escape:pleiades.images - 3 of 3 files are there, until ")
    assert Path(path).name == "pleiades.B.fits"
    assert opened.splitlines() == ["B (64, 64) 6.3", "R (64, 64) 11.7", "V (64, 64) 9.0"]
    assert kept == "escape:pleiades.images stays for a day"
    assert brought.startswith('{"scope":"user.alice","name":"pleiades.notes.txt","size":10,')
    assert brought.endswith("}six stars\n")
