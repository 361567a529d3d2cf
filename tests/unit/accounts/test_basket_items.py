"""What an item has to say, what is kept of it, and which items are equal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.baskets.items import read_items
from esap.errors import InvalidRequest, TooLarge

JOB = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"


def read(*sent, most=100, most_bytes=100_000):
    return read_items(sent, most=most, most_bytes=most_bytes)


def row(**record):
    return {"archive": "apertif", "record": record}


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "row", "archive": "gaia", "record": {}},
        {"kind": "row", "archive": "gaia", "record": [1, 2]},
        {"kind": "did", "scope": "sks", "name": "m31"},
        {"kind": "did", "did": "sks:m31"},
        {"kind": "did", "archive": "rucio", "record": {"scope": "sks", "name": "m31"}},
        {"kind": "table", "archive": "gaia", "table": "gaia.stars"},
        {"kind": "table", "job": JOB},
        {"kind": "table", "url": "https://example.org/t.vot"},
        {"kind": "file", "path": "results/m31.fits"},
        {"kind": "file", "url": "root://storage.example.org//m31.fits"},
        {"kind": "url", "url": "http://example.org/"},
    ],
    ids=json.dumps,
)
def test_an_item_that_says_enough_is_listed_under_its_kind(item):
    (read_item,) = read(item)

    assert (read_item.kind, read_item.archive) == (item["kind"], item.get("archive", ""))


@pytest.mark.parametrize(
    "item",
    [
        {"archive": "apertif", "record": {"name": "x", "url": "http://a"}},
        {"archive": "vo_reg", "record": ["M31", 10.7]},
        {"archive": "samp", "record": []},
        {"archive": "zooniverse", "catalog": "project", "project_id": 12, "category": "subjects"},
        {"archive": "zooniverse", "catalog": "workflow", "project_id": "12", "workflow_id": "3"},
    ],
    ids=json.dumps,
)
def test_what_the_published_front_end_sends_is_listed_as_a_row(item):
    (read_item,) = read(item)

    assert (read_item.kind, read_item.archive) == ("row", item["archive"])
    assert json.loads(read_item.data) == item


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ("M31", "an item is a JSON object"),
        (None, "an item is a JSON object"),
        ([row()], "an item is a JSON object"),
        ({"kind": "galaxy"}, "kind has to be one of row, did, table, file, url."),
        ({"kind": None}, "kind has to be one of row, did, table, file, url."),
        ({"kind": ["row"]}, "kind has to be one of row, did, table, file, url."),
        ({"kind": "url", "url": "http://a", "archive": 5}, "archive has to be a text of at most"),
        ({"archive": "a" * 65, "record": {}}, "archive has to be a text of at most 64 characters."),
        ({}, "an item without a kind needs archive and record, as the published front end"),
        ({"archive": "apertif"}, "an item without a kind needs archive and record"),
        ({"archive": "apertif", "record": "x"}, "an item without a kind needs archive and record"),
        ({"archive": "", "record": {}}, "an item without a kind needs archive and record"),
        ({"item_data": "{}", "user_profile": "ada"}, "an item without a kind needs archive and"),
        ({"kind": "row", "record": {}}, "an item of kind 'row' needs archive, and a record"),
        ({"kind": "did", "scope": "sks"}, "an item of kind 'did' needs did as \"scope:name\""),
        ({"kind": "did", "did": "m31"}, "an item of kind 'did' needs did"),
        ({"kind": "did", "did": "sks:"}, "an item of kind 'did' needs did"),
        ({"kind": "table", "table": "gaia.stars"}, "an item of kind 'table' needs archive and"),
        ({"kind": "table", "job": "17"}, "an item of kind 'table' needs archive and table"),
        ({"kind": "file", "path": ""}, "an item of kind 'file' needs path"),
        ({"kind": "url"}, "an item of kind 'url' needs url"),
    ],
    ids=repr,
)
def test_an_item_that_says_too_little_is_refused_by_its_place(item, sentence):
    with pytest.raises(InvalidRequest) as refused:
        read(row(), item)

    assert refused.value.detail.startswith(f"Item 2: {sentence}")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//example.org/",
        "http://",
        "http:///path",
        "http://[::1",
        "http://a b/",
        "http://a/\n",
        f"http://a/{'x' * 2048}",
        5,
        None,
    ],
)
@pytest.mark.parametrize("kind", ["url", "file", "table"])
def test_what_is_no_address_of_the_web_or_of_a_storage_is_refused(kind, url):
    with pytest.raises(InvalidRequest):
        read({"kind": kind, "url": url})


def test_an_item_is_kept_as_it_was_sent():
    sent = {
        "record": {"z": None, "a": [1, 1.0, {"ra": 1e22, "µ": "☉"}], "id": 2**64 - 1},
        "archive": "apertif",
        "extra": {"deep": {"er": []}},
    }

    (item,) = read(sent)

    assert item.data == (
        '{"record": {"z": null, "a": [1, 1.0, {"ra": 1e+22, "\\u00b5": "\\u2609"}], '
        '"id": 18446744073709551615}, "archive": "apertif", "extra": {"deep": {"er": []}}}'
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=6))
def test_whatever_is_in_a_row_comes_back_with_its_types_and_in_its_order(record):
    (item,) = read({"archive": "apertif", "record": record})

    assert repr(json.loads(item.data)["record"]) == repr(record)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (row(a=1, b=2), {"record": {"b": 2, "a": 1}, "archive": "apertif"}),
        (row(a=1), row(a=1.0)),
        (row(a=[{"b": 0}]), row(a=[{"b": -0.0}])),
        (row(a=1e22), row(a=10**22)),
    ],
    ids=repr,
)
def test_items_with_the_same_keys_and_values_are_equal(one, other):
    (kept,) = read(one, other)

    assert kept.data == json.dumps(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (row(a=1), row(a=2)),
        (row(a=1), row(a="1")),
        (row(a=1), row(a=True)),
        (row(a=None), row()),
        (row(a=[1, 2]), row(a=[2, 1])),
        (row(a=2**53), row(a=2**53 + 1)),
        (row(a=0.1), row(a=0.10000000000000002)),
        ({"archive": "gaia", "record": {}}, {"archive": "gaia", "record": []}),
        ({"archive": "gaia", "record": {}}, {"kind": "row", "archive": "gaia", "record": {}}),
    ],
    ids=repr,
)
def test_items_that_differ_are_two(one, other):
    assert [json.loads(item.data) for item in read(one, other)] == [one, other]


def test_an_item_that_is_too_large_is_refused_with_both_figures():
    size = len(json.dumps(row(a="x" * 100)))

    assert len(read(row(a="x" * 100), most_bytes=size)) == 1
    with pytest.raises(TooLarge) as refused:
        read(row(), row(a="x" * 100), most_bytes=size - 1)

    assert refused.value.detail.startswith(
        f"Item 2: it has {size} bytes, and an item may have {size - 1}."
    )
    assert refused.value.extensions == {"size": size, "limit": size - 1}


def test_more_items_than_a_basket_may_have_are_not_even_read():
    with pytest.raises(TooLarge) as refused:
        read("no item", "nor this", most=1)

    assert refused.value.detail == "These are 2 items, and a basket may have 1."


@pytest.mark.parametrize(("levels", "is_taken"), [(62, True), (63, False), (100_000, False)])
def test_an_item_may_be_nested_64_levels_deep(levels, is_taken):
    deep = 1
    for _ in range(levels):
        deep = [deep]

    if is_taken:
        assert len(read({"archive": "apertif", "record": [deep]})) == 1
    else:
        with pytest.raises(InvalidRequest, match="Item 1: it is nested deeper than 64 levels"):
            read({"archive": "apertif", "record": [deep]})
