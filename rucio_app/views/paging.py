"""Pages of lists that a lake gives whole."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from esap.errors import NotFound
from rucio_app.backends.values import Listing

__all__ = ["page_of"]


def page_of(
    request: Request, found: Listing, shape: type[Serializer[Any]], *, lake: str
) -> dict[str, Any]:
    """Return the page of a list of the lake that a request asks for, and where the next one is."""
    asked = request.query_params
    page, limit = int(asked.get("page") or 1), int(asked.get("limit") or 50)
    count = len(found.members)
    first = (page - 1) * limit
    if first and first >= count:
        raise NotFound(f"There is no page {page} of {count} members.")
    following = None
    if first + limit < count:
        params = request.query_params.copy()
        params["page"] = str(page + 1)
        following = request.build_absolute_uri(f"{request.path}?{params.urlencode()}")
    said = {
        "count": count,
        "complete": found.complete,
        "next": following,
        "results": found.members[first : first + limit],
    }
    return dict(shape(said, context={"request": request, "lake": lake}).data)
