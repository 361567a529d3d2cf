"""What a Prefer header says (RFC 7240)."""

import pytest
from django.test import RequestFactory

from esap.api.preferences import preferences


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ("respond-async", {"respond-async": ""}),
        ("Respond-Async, wait=10", {"respond-async": "", "wait": "10"}),
        ('wait="10" ;why=slow, return = minimal', {"wait": "10", "return": "minimal"}),
        ('foo="a \\"b\\", c"; bar="x,y", respond-async', {"foo": 'a "b", c', "respond-async": ""}),
        ("wait=10, wait=20", {"wait": "10"}),
        ("wait=, respond-async", {"wait": "", "respond-async": ""}),
        ('respond-async, "broken', {"respond-async": ""}),
        ("no-respond-async", {"no-respond-async": ""}),
    ],
)
def test_preferences_are_read_by_name(header, found):
    request = RequestFactory().post("/", headers={"Prefer": header})

    assert preferences(request) == found
