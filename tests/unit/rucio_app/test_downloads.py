"""Where tokens of a storage may go."""

from types import SimpleNamespace

import pytest

from rucio_app.services.downloads import is_of_storage

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
