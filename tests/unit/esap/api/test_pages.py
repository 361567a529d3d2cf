"""The pages for people ask no other host: they work offline, and tell nobody of a visit."""

import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/", "/esap-api/", "/esap-api/docs", "/esap-api/redoc", "/esap-api/admin/login/"]
)
def test_a_page_asks_no_other_host(path) -> None:
    response = Client().get(path, HTTP_ACCEPT="text/html")

    page = response.content.decode()
    loads = r"<(?:link|script|img|iframe)[^>]*(?:href|src)=[\"']((?:https?:)?//[^\"']+)"
    assert response.status_code == 200
    assert re.findall(loads, page) == []
