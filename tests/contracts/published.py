"""What the published interface promises of lists, forms and look-ups; any gateway must pass it.

A test class inherits `PublishedContract` and gives it `ask`, which sends a request to a gateway
that has the shipped entries.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import jsonschema
import pytest

SCHEMAS = Path(__file__).parent / "schemas"
LISTS = ["archives", "archives-uri", "datasets", "datasets-uri", "catalogs", "parameter-mapping"]
FORMS = ["navbar", "esap_ivoa", "multiple_archives"]


class Reply(Protocol):
    """The part of an answer that the contract looks at."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]

    def json(self) -> Any: ...


Ask = Callable[..., Reply]
"""`ask("GET", "query/archives", headers={})` -> the reply."""


def schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def must_fit(answer: Any, name: str) -> None:
    jsonschema.validate(answer, schema(name))


class PublishedContract:
    @pytest.fixture
    def ask(self) -> Ask:
        raise NotImplementedError

    @pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
    @pytest.mark.parametrize("name", LISTS)
    def test_a_list_has_the_published_keys_and_types(self, ask: Ask, name, slash):
        reply = ask("GET", f"query/{name}{slash}")

        assert reply.status_code == 200
        must_fit(reply.json(), name)

    @pytest.mark.parametrize("name", LISTS)
    def test_members_have_the_published_keys_and_no_others(self, ask: Ask, name):
        published = schema(name)["properties"]["results"]["items"]["properties"]

        members = ask("GET", f"query/{name}").json()["results"]

        assert members
        assert [set(member) for member in members] == [set(published)] * len(members)

    @pytest.mark.parametrize("name", LISTS)
    def test_every_member_is_found_by_its_own_address(self, ask: Ask, name):
        listed = ask("GET", f"query/{name}?page_size=500").json()["results"]

        for member in listed:
            pk = member.get("id") or member.get("url", "").rstrip("/").rpartition("/")[2]
            for path in (f"{pk}/", f"{pk}", f"{member['uri']}/"):
                found = ask("GET", f"query/{name}/{path}").json()
                assert found == member

    @pytest.mark.parametrize(
        ("name", "key", "target"),
        [
            ("archives", "datasets", "datasets"),
            ("datasets", "dataset_archive", "archives"),
            ("datasets", "dataset_catalog", "catalogs"),
            ("catalogs", "parameters", "parameter-mapping"),
        ],
        ids=["archive-datasets", "dataset-archive", "dataset-catalog", "catalog-mapping"],
    )
    def test_links_lead_to_members(self, ask: Ask, name, key, target):
        members = ask("GET", f"query/{name}?page_size=500").json()["results"]

        links = [link for member in members for link in _several(member[key])]
        for link in links:
            assert link.endswith("/")
            path = link.partition("/esap-api/")[2]
            assert path.startswith(f"query/{target}/")
            assert ask("GET", path).status_code == 200

    @pytest.mark.parametrize("name", LISTS)
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_lists_cannot_be_written(self, ask: Ask, name, method):
        reply = ask(method, f"query/{name}/", headers={"Content-Type": "application/json"})

        assert reply.status_code == 405
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json()["slug"] == "method-not-allowed"

    @pytest.mark.parametrize("name", LISTS)
    def test_head_has_the_headers_of_get(self, ask: Ask, name):
        got = ask("GET", f"query/{name}/")
        head = ask("HEAD", f"query/{name}/")

        assert head.status_code == 200
        assert head.content == b""
        assert head.headers["ETag"] == got.headers["ETag"]

    @pytest.mark.parametrize("path", [*LISTS, "archives/3", "configuration?name=navbar"])
    def test_what_the_caller_has_is_not_sent_again(self, ask: Ask, path):
        first = ask("GET", f"query/{path}")
        tag = first.headers["ETag"]
        again = ask("GET", f"query/{path}", headers={"If-None-Match": f'"other", {tag}'})

        assert first.headers["Cache-Control"] == "public, max-age=60"
        assert tag.startswith('"')
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["ETag"] == tag

    def test_another_address_or_format_has_another_tag(self, ask: Ask):
        paths = ["archives", "archives/", "archives?page_size=1", "archives-uri"]

        tags = [ask("GET", f"query/{path}").headers["ETag"] for path in paths]
        page = ask("GET", "query/archives", headers={"Accept": "text/html"})

        assert len({*tags, page.headers["ETag"]}) == 5
        assert page.headers["Content-Type"].startswith("text/html")

    def test_pages_part_the_list(self, ask: Ask):
        whole = ask("GET", "query/datasets-uri?page_size=500").json()
        count = whole["count"]
        pages = [
            ask("GET", f"query/datasets-uri?page={page}&page_size=4").json()
            for page in range(1, -(-count // 4) + 1)
        ]

        assert count > 4
        assert [member for page in pages for member in page["results"]] == whole["results"]
        assert {page["pages"] for page in pages} == {-(-count // 4)}
        assert pages[1]["requested_page"] == "2"
        assert pages[1]["requested_page_size"] == "4"

    def test_the_envelope_is_the_published_one(self, ask: Ask):
        answer = ask("GET", "query/parameter-mapping").json()
        count = len(answer.pop("results"))

        assert answer == {
            "description": "ESAP API Gateway",
            "version": "ESAP-API version 12 aug 2021",
            "requested_page": "1",
            "requested_page_size": None,
            "default_page_size": 50,
            "max_page_size": 500,
            "count": count,
            "pages": 1,
        }

    def test_a_page_beyond_the_end_is_a_problem(self, ask: Ask):
        reply = ask("GET", "query/archives?page=2")

        assert reply.status_code == 404
        assert reply.json()["slug"] == "not-found"
        assert reply.json()["detail"] == "There is no page 2; there are 1."
        assert "ETag" not in reply.headers

    @pytest.mark.parametrize("page", ["0", "-1", "one"])
    def test_what_is_no_page_is_a_problem(self, ask: Ask, page):
        assert ask("GET", f"query/archives?page={page}").status_code == 400

    def test_a_page_has_at_most_500_members(self, ask: Ask):
        answer = ask("GET", "query/datasets?page_size=100000").json()

        assert answer["requested_page_size"] == "100000"
        assert answer["max_page_size"] == 500
        assert answer["pages"] == 1

    @pytest.mark.parametrize("query", ["dataset_archive__uri=astron_vo", "uri__icontains=LoTSS"])
    def test_filters_of_django_filter_are_understood(self, ask: Ask, query):
        everything = ask("GET", "query/datasets-uri").json()
        some = ask("GET", f"query/datasets-uri?{query}").json()

        must_fit(some, "datasets-uri")
        assert 0 < some["count"] < everything["count"]
        assert all(member in everything["results"] for member in some["results"])

    def test_the_front_end_gets_all_datasets_in_the_one_page_it_reads(self, ask: Ask):
        assert ask("GET", "query/datasets-uri").json()["pages"] == 1

    @pytest.mark.parametrize("slash", ["", "/"], ids=["bare", "slash"])
    @pytest.mark.parametrize("name", FORMS)
    def test_a_configuration_has_the_published_keys_and_types(self, ask: Ask, name, slash):
        reply = ask("GET", f"query/configuration{slash}?name={name}")

        assert reply.status_code == 200
        must_fit(reply.json(), f"configuration-{name}")

    def test_an_archive_of_observations_has_the_published_form(self, ask: Ask):
        must_fit(ask("GET", "query/configuration?name=astron_vo").json(), "configuration-archive")

    def test_every_archive_has_a_form_that_the_front_end_can_read(self, ask: Ask):
        archives = ask("GET", "query/archives-uri").json()["results"]

        for archive in archives:
            answer = ask("GET", f"query/configuration?name={archive['uri']}").json()
            form = answer["configuration"]["query_schema"]
            assert form["name"] == "astron_vo"
            assert form["properties"]["catalog"]["enum"] == [archive["uri"]]
            assert form["properties"]["catalog"]["enumNames"] == [archive["name"]]

    def test_an_unknown_configuration_is_a_problem_that_names_the_known(self, ask: Ask):
        reply = ask("GET", "query/configuration?name=../../etc/passwd")

        assert reply.status_code == 404
        assert "navbar, esap_ivoa, multiple_archives" in reply.json()["detail"]


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
