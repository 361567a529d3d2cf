"""Pages of lists that a lake gives whole, and what such a list may be asked for."""

from typing import Any

from rest_framework.request import Request
from rest_framework.serializers import Serializer

from esap.errors import InvalidRequest, NotFound
from rucio_app.backends.values import Listing

__all__ = ["asked_of", "page_of"]


def asked_of(request: Request, shape: type[Serializer[Any]]) -> dict[str, Any]:
    """Return the parameters of a request; refuse what is none of its shape."""
    query = shape(data=request.query_params.dict())
    unknown = sorted(set(request.query_params) - set(query.fields))
    if unknown:
        raise InvalidRequest(
            f"{', '.join(unknown)[:200]}: not a parameter of this list. There are: "
            f"{', '.join(query.fields)}."
        )
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


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
