"""Where tokens of a storage may go, and which part of a file is asked for."""

from types import SimpleNamespace

import pytest

from rucio_app.services.downloads import Offer, is_of_storage, read

LAKE = SimpleNamespace(config=SimpleNamespace(storage="https://storage.example.org/rucio"))


@pytest.mark.parametrize(
    ("link", "is_of"),
    [
        ("https://storage.example.org/rucio/a", True),
        ("davs://storage.example.org/rucio/a/b..c", True),
        ("https://storage.example.org/ruciosity/a", False),
        ("http://storage.example.org/rucio/a", False),
        ("https://storage.example.org:8443/rucio/a", False),
        ("https://elsewhere.example.org/rucio/a", False),
        ("https://storage.example.org@elsewhere.example.org/rucio/a", False),
        ("https://storage.example.org/rucio/../private/a", False),
        ("https://storage.example.org/rucio/%2e%2E/private/a", False),
        ("https://storage.example.org/rucio/..%2fprivate/a", False),
    ],
)
def test_a_link_is_of_the_storage_if_it_leads_into_it(link, is_of):
    assert is_of_storage(LAKE, link) is is_of


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        ("bytes=0-99", "bytes=0-99"),
        ("bytes=100-", "bytes=100-"),
        ("bytes=-5", "bytes=-5"),
        ("", ""),
        ("bytes=-", ""),
        ("bytes=0-1,5-6", ""),
        ("lines=0-1", ""),
        ("bytes=0-1\r\nX-Other: 1", ""),
    ],
)
def test_one_range_is_asked_for_and_all_of_the_file_for_others(asked, passed_on):
    heard = []
    config = SimpleNamespace(storage_audience="")
    lake = SimpleNamespace(
        config=config, open=lambda link, token, *, byte_range: heard.append(byte_range)
    )

    read(lake, None, Offer("https://storage.example.org/rucio/a", "a", 100, streams=True), asked)

    assert heard == [passed_on]
