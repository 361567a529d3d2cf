"""From the first page of the room to a file: by links alone, and by the browsable pages."""

import html
import json
import re

import pytest

from tests.support.rucio import unique

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vendor")]

HERE = "http://testserver"


def follow(client, url):
    """Open a link of an answer."""
    assert url.startswith(HERE)
    return client.browser.get(url.removeprefix(HERE))


def page(client, path):
    """Open a page as a browser does."""
    return html.unescape(client.browser.gateway.get(f"/esap-api/rucio/{path}").content.decode())


def staging_of(client, *names):
    body = {"dids": [{"scope": "escape", "name": name} for name in names], "facility": "cluster"}
    return client.post("stagings/", body).json()


def test_a_lake_leads_to_all_that_it_offers(alice):
    links = alice.get("lakes/lake/").json()["links"]

    assert {name: follow(alice, url).status_code for name, url in links.items()} == {
        "scopes": 200,
        "dids": 400,  # a scope has to be named
        "storages": 200,
        "account": 200,
        "rules": 200,
        "estimate": 405,  # these take a POST
        "upload": 405,
    }


def test_who_names_no_scope_is_told_where_they_are(alice):
    assert alice.get("lakes/lake/dids/").json()["detail"] == (
        "scope: Name the scope to look in; they are listed under scopes/."
    )


@pytest.mark.parametrize("letters", ["plain", "a b", "a/b", "100%25", "x#y?z&w"])
def test_a_did_of_a_list_leads_to_its_page_and_to_what_is_in_it(lake, alice, letters):
    file = f"{unique('file')}.{letters}"
    lake.files({file: b"x"})
    dataset = lake.collection(f"{file}.set", [{"scope": "escape", "name": file}])

    (listed,) = alice.get("lakes/lake/dids/", scope="escape", name=dataset).json()["results"]
    told = follow(alice, listed["url"]).json()
    (member,) = follow(alice, told["links"]["content"]).json()["results"]
    (node,) = follow(alice, told["links"]["tree"]).json()["results"]
    itself = follow(alice, member["url"]).json()

    assert (told["did"]["name"], told["did"]["type"]) == (dataset, "dataset")
    assert (itself["did"]["name"], itself["did"]["type"]) == (file, "file")
    assert node["url"] == member["url"]
    assert list(told["links"]) == ["content", "tree", "parents", "replicas"]
    assert list(itself["links"]) == ["parents", "replicas", "download"]
    assert follow(alice, itself["links"]["download"]).status_code == 302


def test_a_staging_leads_to_its_files_and_a_rule_to_its_locks(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})

    staging = staging_of(alice, file)
    worker.follow(staging["id"], "COMPLETED")

    (fate,) = follow(alice, staging["files_url"]).json()["results"]
    (rule,) = alice.get("lakes/lake/rules/", text=file).json()["results"]
    assert fate["did"] == f"escape:{file}"
    assert follow(alice, rule["url"]).json()["rule"]["id"] == fate["rule"] == rule["id"]
    listed = {each["id"]: each for each in alice.get("stagings/").json()["results"]}
    assert listed[staging["id"]]["files_url"] == staging["files_url"]


def test_after_an_extension_it_is_told_until_when_files_stay_now(lake, alice, worker):
    file = unique("file")
    lake.files({file: b"x"})
    staging = staging_of(alice, file)
    worker.follow(staging["id"], "COMPLETED")

    alice.post(f"stagings/{staging['id']}/extend/", {"lifetime": 86_400})

    (fate,) = follow(alice, staging["files_url"]).json()["results"]
    ends = alice.get(f"lakes/lake/rules/{fate['rule']}/").json()["rule"]["expires"]
    told = re.fullmatch(r"1 of 1 files are there, until (\S+) (\S+) UTC", fate["sentence"])
    # A minute may turn between our clock and Rucio's.
    assert told
    assert ends[:13] == f"{told[1]}T{told[2]}"[:13] or ends[14:16] == "00"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"lifetme": 60}, "lifetme: not a member of this. There are: "),
        ({"dids": ["escape:x"]}, 'dids: 0: Send an object, such as {"scope": '),
    ],
)
def test_a_staging_that_is_written_wrongly_is_refused_with_what_to_write(alice, body, detail):
    answer = alice.post("stagings/", {"dids": [], "facility": "cluster", **body})

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert answer.json()["detail"].startswith(detail)


def test_the_page_of_stagings_shows_a_body_that_can_be_filled_in_and_sent(lake, alice):
    file = unique("file")
    lake.files({file: b"x"})
    (shown,) = re.findall(
        r"<textarea[^>]*>\s*(\{.*?\})\s*</textarea>", page(alice, "stagings/"), re.DOTALL
    )

    body = json.loads(shown)
    body["dids"][0].update(scope="escape", name=file)
    answer = alice.post("stagings/", {**body, "facility": "cluster"})

    assert answer.status_code == 202, answer.content
    assert answer.json()["parameters"]["lifetime"] == 604_800


def test_the_page_for_uploads_is_a_form_for_a_file(alice):
    form = page(alice, "lakes/lake/upload/")

    assert re.search(r'<input[^>]* name="file"[^>]* type="file"', form)
    assert re.findall(r'<input\s+name="(\w+)"', form)[-5:] == [
        "scope", "name", "rse", "lifetime", "dataset",
    ]  # fmt: skip
