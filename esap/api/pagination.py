"""Pages of lists: the published envelope, and the keyset pages of our own lists."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import orjson
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import CharField, IntegerField, ListField, Serializer

from esap.errors import InvalidRequest, NotFound

__all__ = [
    "KeysetQuerySerializer",
    "keyset_filters",
    "keyset_page",
    "keyset_response",
    "page_number",
    "published_page",
]

PUBLISHED_PAGE = 50
PUBLISHED_MAX = 500
_FORGED = "cursor: take it from the 'next' of the page before."
_ENVELOPE = {"description": "ESAP API Gateway", "version": "ESAP-API version 12 aug 2021"}


def page_number(request: Request) -> tuple[int, int]:
    """Return the page (from 1) and the page size asked for in the published way."""
    page = _positive(request, "page", 1)
    size = min(_positive(request, "page_size", PUBLISHED_PAGE), PUBLISHED_MAX)
    return page, size


def published_page(
    request: Request, items: Sequence[Any], *, count: int | None = None, **members: Any
) -> dict[str, Any]:
    """Return one page in the published envelope.

    `items` is the whole list; or, when `count` is given, just the page. The shapes are those of the
    published gateway: `requested_page` is a string, and there is no next or previous.
    """
    page, size = page_number(request)
    total = len(items) if count is None else count
    pages = -(-total // size)
    if page > max(pages, 1):
        raise NotFound(f"There is no page {page}; there are {pages}.")
    shown = items if count is not None else items[(page - 1) * size : page * size]
    return {
        **_ENVELOPE,
        "requested_page": str(page),
        "requested_page_size": request.query_params.get("page_size"),
        "default_page_size": PUBLISHED_PAGE,
        "max_page_size": PUBLISHED_MAX,
        "count": total,
        "pages": pages,
        "results": list(shown),
        **members,
    }


class KeysetQuerySerializer(Serializer[Any]):
    """What every list of ours can be asked for; a list adds its filters, named after columns."""

    limit = IntegerField(required=False, min_value=1, max_value=200)
    cursor = CharField(required=False)


def keyset_filters(request: Request, shape: type[KeysetQuerySerializer]) -> dict[str, Any]:
    """Return the filters of a list; refuse what is not one, rather than ignore it.

    One whose field is a list may come more than once; of any other, the last counts.
    """
    params, fields = request.query_params, shape().fields
    query = shape(
        data={
            name: params.getlist(name) if isinstance(fields.get(name), ListField) else params[name]
            for name in params
        }
    )
    unknown = set(params) - set(fields)
    if unknown:
        known = ", ".join(sorted(fields))
        raise InvalidRequest(
            f"{', '.join(sorted(unknown))}: not a parameter of this list. There are: {known}."
        )
    query.is_valid(raise_exception=True)
    paging = KeysetQuerySerializer().fields
    return {name: value for name, value in query.validated_data.items() if name not in paging}


def keyset_page(
    request: Request, rows: QuerySet[Any], *, key: str, limit_max: int = 200
) -> tuple[list[Any], str | None]:
    """Return the newest rows after the caller's cursor, and the address of the next page.

    `key` is a column with a total order once the primary key breaks ties. Keyset pages cost the
    same however deep they are, and lose nothing when rows are added meanwhile.
    """
    limit = min(_positive(request, "limit", 50), limit_max)
    cursor = request.query_params.get("cursor")
    rows = rows.order_by(f"-{key}", "-pk")
    if cursor:
        value, pk = _read_cursor(cursor)
        try:
            rows = rows.filter(Q(**{f"{key}__lt": value}) | Q(**{key: value, "pk__lt": pk}))
        except (ValidationError, ValueError) as error:
            raise InvalidRequest(_FORGED) from error
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    written = orjson.dumps([getattr(last, key), str(last.pk)])
    params = request.query_params.copy()
    params["cursor"] = base64.urlsafe_b64encode(written).decode().rstrip("=")
    return found[:limit], request.build_absolute_uri(f"{request.path}?{params.urlencode()}")


def keyset_response(results: list[Any], following: str | None) -> Response:
    """Answer a page of one of our own lists, with the link to the next."""
    headers = {"Link": f'<{following}>; rel="next"'} if following else None
    return Response({"results": results, "next": following}, headers=headers)


def _read_cursor(cursor: str) -> tuple[str, str]:
    try:
        value, pk = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, TypeError, ValueError) as error:
        raise InvalidRequest(_FORGED) from error
    return str(value), str(pk)


def _positive(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise InvalidRequest(f"{name}: {text!r} is not a positive whole number.")
    return int(text)
