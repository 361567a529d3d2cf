"""A client of UWS that reads its XML, for tests."""

from typing import Any

from lxml import etree
from rest_framework.test import APIClient

UWS = "/esap-api/uws"
_NAMESPACES = {
    "uws": "http://www.ivoa.net/xml/UWS/v1.0",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


def post(client: APIClient, path: str, **form: Any) -> Any:
    """Post a form, as VO clients do."""
    return client.post(f"{UWS}/{path}", form, format="multipart")


def xml(answer: Any) -> etree._Element:
    """Return the root of an XML answer."""
    assert answer.status_code in {200, 303}, answer.content
    assert answer["Content-Type"] == "text/xml"
    return etree.fromstring(answer.content)


def texts(root: etree._Element) -> dict[str, str | None]:
    """Return the texts of the elements right below, by name; None for those that are nil."""
    nil = f"{{{_NAMESPACES['xsi']}}}nil"
    return {
        etree.QName(child).localname: None if child.get(nil) == "true" else child.text or ""
        for child in root
    }


def find(root: etree._Element, path: str) -> list[Any]:
    """Return what is at an XPath."""
    return root.xpath(path, namespaces=_NAMESPACES)
