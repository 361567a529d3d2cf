"""Paths at facilities, DIDs by name, and what is chosen."""

import pytest

from esap.errors import InvalidRequest
from rucio_app.asking import DidQuerySerializer
from rucio_app.backends.base import Facility
from rucio_app.backends.values import Item
from rucio_app.services.browsing import item_of
from rucio_app.services.selecting import items_of


def facility(**changes):
    said = {"id": "cluster", "title": "Cluster", "rse_expression": "A", "mount_path": "/mnt/lake"}
    return Facility(**{**said, **changes})


@pytest.mark.parametrize(
    ("begins", "pfn", "path"),
    [
        (0, "file://localhost/srv/rucio/a/b.fits", "/mnt/lake/srv/rucio/a/b.fits"),
        (2, "file://localhost/srv/rucio/a/b.fits", "/mnt/lake/a/b.fits"),
        (3, "root://host:1094//pool/rucio/a/b.fits", "/mnt/lake/a/b.fits"),
        (1, "davs://host/pool/a%20b.fits", "/mnt/lake/a b.fits"),
    ],
)
def test_a_path_is_the_mount_and_the_pfn_from_a_part_on(begins, pfn, path):
    assert facility(path_begins_at=begins).path_of(pfn) == path


@pytest.mark.parametrize(
    ("pfn", "name", "path"),
    [
        ("davs://host/pool/s/ab/x#y", "x#y", "/mnt/lake/s/ab/x#y"),
        ("davs://host/pool/s/ab/a%20b?c", "a%20b?c", "/mnt/lake/s/ab/a%20b?c"),
        ("file://localhost/pool/s/ab//a/b;c", "/a/b;c", "/mnt/lake/s/ab//a/b;c"),
        ("davs://host/pool/s/c%2F", "a/b/c%2F", "/mnt/lake/s/c%2F"),
        ("davs://host/pool/elsewhere/a%20b", "a b", "/mnt/lake/elsewhere/a b"),
        ("file://localhost/pool/s/a/../b", "a/../b", ""),
        ("davs://host/pool/s/%2e%2e/b", "c", ""),
    ],
)
def test_the_path_of_a_file_has_its_name_as_it_is(pfn, name, path):
    assert facility(path_begins_at=1).path_of(pfn, name) == path


def test_what_is_not_mounted_has_no_path():
    assert facility(mount_path="").path_of("file://localhost/a") == ""


@pytest.mark.parametrize(
    ("scope", "name", "item"),
    [
        ("escape", "a", Item("escape", "a")),
        ("", "escape:a", Item("escape", "a")),
        ("escape", "a:b", Item("escape", "a:b")),
        ("", "escape:a:b", Item("escape", "a:b")),
    ],
)
def test_a_did_is_a_scope_and_a_name_or_both_in_one(scope, name, item):
    assert item_of(scope, name) == item


@pytest.mark.parametrize(
    ("scope", "name"), [("", "a"), ("escape", ""), ("escape", ".."), ("a/b", "c")]
)
def test_what_is_no_name_of_a_did_is_refused(scope, name):
    with pytest.raises(InvalidRequest):
        item_of(scope, name)


def test_what_is_chosen_twice_is_chosen_once():
    chosen = [{"scope": "escape", "name": "a"}, {"name": "escape:a"}, {"name": "escape:b"}]

    assert items_of(chosen) == [Item("escape", "a"), Item("escape", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        "{",
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": ' + "[" * 3_000 + "]" * 3_000 + "}",
        '{"a": {"b": 1}}',
        '{"a": "\\ud800"}',
    ],
)
def test_metadata_that_no_lake_can_be_asked_for_are_refused(text):
    asked = DidQuerySerializer(data={"scope": "escape", "metadata": text})

    assert not asked.is_valid()
    assert list(asked.errors) == ["metadata"]


def test_metadata_are_names_and_plain_values():
    text = '{"a": "x\'y", "b": 1.5, "c": null, "d": true}'
    asked = DidQuerySerializer(data={"scope": "escape", "metadata": text})

    assert asked.is_valid()
    assert asked.validated_data["metadata"] == {"a": "x'y", "b": 1.5, "c": None, "d": True}
