"""The small documents of services, read without entities, DTDs or the network."""

from collections.abc import Iterable
from typing import Any

from lxml import etree

__all__ = ["HARDENED", "beginning", "local_name", "parse", "text_of"]

HARDENED: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""What every parser of a peer's XML is given."""


def beginning(chunks: Iterable[bytes], most: int = 1 << 20) -> bytes:
    """Return the first bytes of an answer: all of a document, if it is no longer than such are."""
    read = bytearray()
    for chunk in chunks:
        read += chunk
        if len(read) >= most:
            break
    return bytes(read[:most])


def parse(document: bytes, root: str) -> etree._Element | None:
    """Return the root if the document is XML and its root has this name, whatever its namespace."""
    try:
        element = etree.fromstring(document, etree.XMLParser(**HARDENED))
    except etree.XMLSyntaxError:
        return None
    return element if local_name(element) == root else None


def local_name(element: etree._Element) -> str:
    """Return the name without its namespace."""
    return etree.QName(element).localname


def text_of(element: etree._Element, path: str) -> str:
    """Return the text at a path of local names, or nothing; its white space is made single."""
    steps = "/".join(f"{{*}}{step}" for step in path.split("/"))
    return " ".join((element.findtext(steps) or "").split())
