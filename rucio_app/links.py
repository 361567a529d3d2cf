"""Where the answers of this room lead to."""

from urllib.parse import urlencode

from django.urls import reverse
from rest_framework.request import Request

__all__ = ["links_of_did", "links_of_lake", "url_of", "url_of_did"]

_OF_LAKE = ("scopes", "dids", "storages", "account", "rules", "estimate", "upload")
_OF_FILE = ("parents", "replicas", "download")
_OF_COLLECTION = ("content", "tree", "parents", "replicas")


def url_of(request: Request, name: str, *args: object) -> str:
    """Return the address of a page of the room, by the name of its route."""
    return str(request.build_absolute_uri(reverse(name, args=args)))


def url_of_did(request: Request, lake: str, scope: str, name: str, page: str = "did") -> str:
    """Return where a DID is told of, whatever letters are in its name."""
    return f"{url_of(request, f'lake-{page}', lake)}?{urlencode({'scope': scope, 'name': name})}"


def links_of_lake(request: Request, lake: str) -> dict[str, str]:
    """Return what a lake offers, by name."""
    return {page: url_of(request, f"lake-{page}", lake) for page in _OF_LAKE}


def links_of_did(request: Request, lake: str, kind: str, scope: str, name: str) -> dict[str, str]:
    """Return where a DID leads to: a file can be downloaded, a collection has something in it."""
    pages = _OF_FILE if kind == "file" else _OF_COLLECTION
    return {page: url_of_did(request, lake, scope, name, page) for page in pages}
