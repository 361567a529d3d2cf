"""Lists of archives, datasets, catalogs and mappings. None of these tests may touch a database."""

import json

import pytest
from django.test import Client

from query import published
from tests.contracts.published import Ask, PublishedContract
from tests.support.sample_archives import SAMPLE, configure


@pytest.fixture
def sample(settings, tmp_path):
    return configure(settings, tmp_path)


def uris(path: str) -> list[str]:
    reply = Client().get(f"/esap-api/query/{path}")
    assert reply.status_code == 200, reply.content
    return [member["uri"] for member in reply.json()["results"]]


class TestShippedEntries(PublishedContract):
    @pytest.fixture
    def ask(self) -> Ask:
        def ask(method, path, headers=None):
            return Client().generic(method, f"/esap-api/{path}", headers=headers or {})

        return ask


@pytest.mark.usefixtures("sample")
class TestFilters:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["south-names", "north-red", "north-blue", "hidden-all"]),
            ("uri=north-red", ["north-red"]),
            ("uri=north", []),
            ("uri__in=north-red,hidden-all,unknown", ["north-red", "hidden-all"]),
            ("name__icontains=BL", ["north-blue"]),
            ("level=raw", ["north-blue"]),
            ("level=raw&collection=red", []),
            ("institute=Boreas", ["north-red", "north-blue"]),
            ("dataset_archive__uri=south", ["south-names"]),
            ("dataset_archive__uri__in=south,hidden", ["south-names", "hidden-all"]),
            ("dataset_catalog__uri__icontains=south-", ["south-names"]),
            ("id=11", ["north-red"]),
            ("level=", ["south-names", "north-red", "north-blue", "hidden-all"]),
            ("colour=red", ["south-names", "north-red", "north-blue", "hidden-all"]),
            ("name__regex=.", ["south-names", "north-red", "north-blue", "hidden-all"]),
        ],
    )
    def test_datasets_are_those_that_pass_all_filters(self, query, expected):
        assert uris(f"datasets-uri?{query}") == expected

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("name=Northern archive", ["north"]),
            ("name__icontains=ARCHIVE", ["south", "north", "hidden"]),
            ("long_description__icontains=pictures", ["north"]),
            ("institute=Auster", ["south"]),
        ],
    )
    def test_archives_are_those_that_pass_the_filter(self, query, expected):
        assert uris(f"archives?{query}") == expected

    def test_catalogs_and_mappings_have_filters_too(self):
        assert uris("catalogs?url__icontains=south.example") == ["south-tap"]
        assert uris("parameter-mapping?parameters__icontains=calib_level") == ["obscore"]

    @pytest.mark.parametrize(
        ("ordering", "expected"),
        [
            ("name", ["hidden-all", "north-blue", "south-names", "north-red"]),
            ("-name", ["north-red", "south-names", "north-blue", "hidden-all"]),
            ("-id", ["hidden-all", "south-names", "north-blue", "north-red"]),
            ("level,-uri", ["south-names", "hidden-all", "north-red", "north-blue"]),
        ],
    )
    def test_lists_are_ordered_as_asked(self, ordering, expected):
        assert uris(f"datasets-uri?ordering={ordering}") == expected

    def test_ordering_by_no_field_is_refused_with_the_fields(self):
        reply = Client().get("/esap-api/query/parameter-mapping?ordering=-colour")

        assert reply.status_code == 400
        assert reply.json()["detail"] == (
            "ordering: there is no field 'colour'. There are: parameters, uri, url."
        )


@pytest.mark.usefixtures("sample")
class TestShapes:
    def test_visible_archives_are_listed_in_their_order_by_uri(self):
        reply = Client().get("/esap-api/query/archives-uri")

        south, north = reply.json()["results"]
        assert south["uri"] == "south"
        assert north == {
            "id": 1,
            "uri": "north",
            "name": "Northern archive",
            "short_description": "",
            "long_description": "Pictures of the northern sky.",
            "retrieval_description": "",
            "thumbnail": "",
            "documentation_url": "https://north.example.org/help",
            "instrument": "",
            "institute": "Boreas",
            "datasets": ["north-red", "north-blue"],
        }

    def test_an_invisible_archive_is_listed_only_with_links(self):
        hidden = Client().get("/esap-api/query/archives/3/").json()

        assert hidden["visible"] is False
        assert hidden["datasets"] == ["http://testserver/esap-api/query/datasets/14/"]
        assert Client().get("/esap-api/query/archives-uri/3/").status_code == 404

    def test_a_dataset_says_where_it_belongs(self):
        linked = Client().get("/esap-api/query/datasets/12").json()
        named = Client().get("/esap-api/query/datasets-uri/12").json()

        assert linked["select_fields"] == "obs_title,s_ra"
        assert linked["title_field"] == "obs_title"
        assert linked["url_field"] is None
        assert linked["dataset_archive"] == "http://testserver/esap-api/query/archives/1/"
        assert named["archive_uri_derived"] == "north"
        assert named["catalog_uri_derived"] == "north"
        assert named["catalog_url_derived"] == "https://north.example.org/tap"
        assert named["catalog_user_url_derived"] == "https://north.example.org/help"
        assert named["documentation_url"] == "https://north.example.org/help"

    def test_a_catalog_has_the_number_that_its_entry_gives(self):
        south = Client().get("/esap-api/query/catalogs/36/").json()

        assert south["uri"] == "south-tap"
        assert south["name"] == "The South"
        assert south["user_url"] == "http://south.example.org/"
        assert south["parameters"] == "http://testserver/esap-api/query/parameter-mapping/7/"

    def test_a_mapping_is_shown_as_json_text_of_plain_columns(self):
        mapping = Client().get("/esap-api/query/parameter-mapping/obscore").json()

        assert json.loads(mapping["parameters"]) == {
            "title": "obs_title",
            "target": "target_name",
            "ra": "s_ra",
            "dec": "s_dec",
            "collection": "obs_collection",
            "dataproduct_type": "dataproduct_type",
            "dataproduct_level": "calib_level",
            "startdate": "t_max",
        }

    def test_links_lead_through_the_proxy_that_the_caller_uses(self, settings):
        settings.ALLOWED_HOSTS = ["sky.example.org"]

        reply = Client().get("/esap-api/query/archives/1", headers={"host": "sky.example.org"})

        assert reply.json()["datasets"][0].startswith("http://sky.example.org/esap-api/query/")


def test_other_entries_have_another_tag(settings, tmp_path):
    configure(settings, tmp_path)
    first = Client().get("/esap-api/query/archives")
    (tmp_path / "more").mkdir()
    configure(settings, tmp_path / "more", SAMPLE.replace("Northern", "Northernmost"))

    second = Client().get(
        "/esap-api/query/archives", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert second.status_code == 200
    assert second.json()["results"][1]["name"] == "Northernmost archive"


@pytest.mark.usefixtures("sample")
def test_a_list_is_made_once_for_each_set_of_entries(monkeypatch):
    made = []
    original = published._LISTS["archives"]
    published._items.cache_clear()
    monkeypatch.setitem(
        published._LISTS,
        "archives",
        lambda base, caller: made.append(base) or original(base, caller),
    )

    for _ in range(3):
        assert uris("archives") == ["south", "north", "hidden"]

    assert made == ["http://testserver/esap-api/query/"]
