"""Rucio among the archives, as the published front end asks for it."""

import pytest
import yaml

from tests.support.rucio import unique

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def entries(tmp_path, settings, lake):
    password = tmp_path / "password"
    password.write_text("bob-secret")
    archive = {
        "id": "esap_rucio",
        "type": "rucio",
        "title": "The lake",
        "url": lake.url,
        "private_network": True,
        "account": "bob",
        "username": "bob",
        "password": f"file:{password}",
        "mapping": "rucio",
        "datasets": [{"id": "esap_rucio_entities", "name": "Entities", "table": "entities"}],
    }
    parameters = {"scope": "scope", "resource_category": "category", "name": "name"}
    mapping = {"id": "rucio", "parameters": parameters}
    file = tmp_path / "archive.yaml"
    file.write_text(yaml.safe_dump({"query": {"mappings": [mapping], "archives": [archive]}}))
    settings.ENTRY_FILES = [file]


@pytest.fixture
def ask(client):
    def asked(**parameters):
        answer = client.get(
            "/esap-api/query/query/",
            {"archive_uri": "esap_rucio", "catalog": "esap_rucio_entities", **parameters},
            headers={"accept": "application/json"},
        )
        assert answer.status_code == 200, answer.content
        return answer.json()

    return asked


def test_the_dids_of_a_scope_are_rows(lake, ask):
    file = unique("file")
    lake.files({file: b"123"})

    said = ask(scope="escape", resource_category="dids", name=file)

    (row,) = said["results"]
    assert (row["scope"], row["name"], row["did_type"], row["bytes"]) == (
        "escape",
        file,
        "FILE",
        3,
    )


@pytest.mark.parametrize(
    ("name", "decoy"),
    [("100% {}", "100 more {}"), ('"{}"', "{}"), ("true {}", "True {}"), ("a%2F{}", "a/{}")],
)
def test_a_name_is_looked_for_as_it_is(lake, ask, name, decoy):
    stem = unique("file")
    name, decoy = name.format(stem), decoy.format(stem)
    lake.files({name: b"123", decoy: b"1"})

    (row,) = ask(scope="escape", resource_category="dids", name=name)["results"]
    (replica,) = ask(scope="escape", resource_category="replicas", name=name)["results"]

    assert (row["name"], row["bytes"]) == (name, 3)
    assert (replica["name"], replica["bytes"]) == (name, 3)


def test_replicas_have_single_values_in_their_cells(lake, ask):
    file = unique("file")
    lake.files({file: b"123"})

    (row,) = ask(scope="escape", resource_category="replicas", name=file)["results"]

    assert (row["rse"], row["state"]) == ("LAKE-NL", "AVAILABLE")
    assert {type(cell) for cell in row.values()} <= {str, int, float, bool, type(None)}


def test_scopes_are_listed(ask):
    said = ask(resource_category="scopes")

    assert "escape" in [row["scope"] for row in said["results"]]


def test_a_category_that_there_is_not_is_told(ask):
    (problem,) = ask(scope="escape", resource_category="rules")["problems"]

    assert (problem["slug"], "choose one of" in problem["detail"]) == ("invalid-request", True)


def test_the_form_asks_for_scope_and_category(client):
    said = client.get("/esap-api/query/configuration?name=esap_rucio").json()

    properties = said["configuration"]["query_schema"]["properties"]
    assert properties["resource_category"]["enum"] == [
        "all",
        "dids",
        "files",
        "replicas",
        "scopes",
    ]
    assert properties["scope"]["type"] == "string"
