"""Menus and forms by name. None of these tests may touch a database."""

import pytest
from django.test import Client

from tests.support.sample_archives import SAMPLE, configure


@pytest.fixture(autouse=True)
def sample(settings, tmp_path):
    return configure(settings, tmp_path)


def configuration(name: str) -> dict:
    reply = Client().get(f"/esap-api/query/configuration?name={name}")
    assert reply.status_code == 200, reply.content
    return reply.json()["configuration"]


def test_a_menu_is_what_its_entry_says():
    assert configuration("navbar") == {
        "version": "ESAP-API version 12 aug 2021",
        "frontend_basename": "sky",
        "logo": "http://testserver/static/query/logo.svg",
        "navbar": [
            {"title": "Archives", "route": "/archives"},
            {"title": "Search", "route": "/query"},
        ],
        "archives": {"title": "Archives", "route": "/archives"},
    }


def test_a_menu_may_have_a_logo_of_its_own(settings, tmp_path):
    text = SAMPLE.replace("frontend_basename: sky", "logo: https://sky.example.org/logo.png")
    configure(settings, tmp_path, text)

    assert configuration("navbar")["logo"] == "https://sky.example.org/logo.png"


def test_the_form_of_an_archive_is_made_of_its_mapping_and_datasets():
    form = configuration("north")["query_schema"]

    properties = form["properties"]
    assert form["title"] == "Search Northern archive"
    assert list(properties) == [
        "catalog", "target", "ra", "dec", "fov", "level", "collection",
        "dataproduct_type", "dataproduct_level", "startdate",
    ]  # fmt: skip
    assert properties["catalog"] == {
        "type": "string",
        "title": "Catalog",
        "default": "north",
        "enum": ["north"],
        "enumNames": ["Northern archive"],
    }
    assert properties["collection"] == {
        "type": "string",
        "title": "Collection",
        "default": "all",
        "enum": ["all", "blue", "red"],
        "enumNames": ["All", "blue", "red"],
    }
    assert properties["level"]["enum"] == ["all", "processed", "raw"]
    assert properties["ra"] == {"type": "number", "title": "RA (degrees)"}


def test_the_form_of_an_archive_without_positions_asks_for_none():
    assert list(configuration("south")["query_schema"]["properties"]) == ["catalog"]


def test_a_column_of_collections_can_be_asked_where_no_dataset_names_one():
    properties = configuration("hidden")["query_schema"]["properties"]

    assert properties["collection"] == {"type": "string", "title": "Collection"}


def test_a_single_level_needs_no_all():
    from query.forms import _choice

    assert _choice("Level", {"raw": "raw"}, needless_all=True)["enum"] == ["raw"]


def test_all_archives_are_searched_where_they_have_positions_and_are_shown():
    multiple = configuration("multiple_archives")

    assert multiple["datasets_enabled"] == [
        {"archive": "north", "dataset": "north-red"},
        {"archive": "north", "dataset": "north-blue"},
    ]
    assert multiple["archives"] == ["north"]
    defaults = {
        key: value["default"] for key, value in multiple["query_schema"]["properties"].items()
    }
    assert defaults == {"ra": 56.75, "dec": 24.12, "fov": 1.0, "page_size": 10}


def test_an_unknown_name_is_a_problem_that_names_the_known():
    reply = Client().get("/esap-api/query/configuration?name=apertif")

    assert reply.status_code == 404
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json()["detail"] == (
        "There is no configuration 'apertif'. There are: navbar, esap_ivoa, multiple_archives, "
        "north, south, hidden."
    )


def test_no_name_is_a_problem_that_names_the_known():
    reply = Client().get("/esap-api/query/configuration")

    assert reply.status_code == 400
    assert reply.json()["detail"].startswith("name: choose one of navbar, esap_ivoa,")


def test_a_configuration_cannot_be_written():
    assert Client().post("/esap-api/query/configuration?name=navbar").status_code == 405
