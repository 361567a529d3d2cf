"""A stored table as the answer to a request: a page in JSON, or all of it in any format."""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from esap.api.in_flight import Slots, caller_key
from esap.api.negotiation import table_format
from esap.api.streaming import stream
from esap.errors import InvalidRequest
from esap.results.filters import column_named, filter_from, order_from
from esap.results.reading import PAGE_MAX, facts, page, rows, schema_of, total
from esap.results.storage import Stored, find
from esap.tables.encoders import ENCODERS
from esap.tables.stream import TableStream

__all__ = ["PAGE_ROWS", "answer_result"]

PAGE_ROWS = 100
MOST_DOWNLOADS = 4
"""Downloads that one caller may have running in a process: each keeps a thread until it is read."""

_PAGED = ("json", "json-columns")
_PARAMETERS = {"columns", "cursor", "filter", "format", "limit", "share", "sort", "whole"}
_DOWNLOADS = Slots("downloads")
_BLOCK = 1 << 16


def answer_result(request: Request, job_id: UUID, name: str) -> HttpResponseBase:
    """Answer a stored table as the query parameters and Accept ask for it.

    JSON comes in pages and all else whole, unless `limit` or `whole` say otherwise. Whether the
    caller may see the job is not asked here.
    """
    unknown = sorted(set(request.query_params) - _PARAMETERS)
    if unknown:
        raise InvalidRequest(
            f"{', '.join(unknown)[:200]}: not a parameter of a result. There are: "
            f"{', '.join(sorted(_PARAMETERS))}."
        )
    wanted = table_format(request)
    stored = find(job_id, name)
    asked = _asked(request, stored)
    if _is_paged(request, wanted):
        return _page(request, stored, wanted, asked)
    return _whole(request, stored, wanted, asked)


def _asked(request: Request, stored: Stored) -> dict[str, Any]:
    """Return what `page` and `rows` are to be asked for."""
    params = request.query_params
    schema = schema_of(stored)
    columns = [name for name in params.get("columns", "").split(",") if name]
    return {
        # Once each: a table has no two columns of one name.
        "columns": list(dict.fromkeys(column_named(name, schema, "columns") for name in columns)),
        "filters": [filter_from(text, schema) for text in params.getlist("filter")],
        "sort": [order for text in params.getlist("sort") for order in order_from(text, schema)],
    }


def _is_paged(request: Request, wanted: str) -> bool:
    params = request.query_params
    whole = params.get("whole", "").lower()
    if whole not in {"", "true", "1", "false", "0"}:
        raise InvalidRequest(f"whole: {whole[:20]!r} is neither true nor false.")
    limited = bool(params.get("limit") or params.get("cursor"))
    if whole in {"true", "1"}:
        if limited:
            raise InvalidRequest("whole: all rows are one answer; leave out limit and cursor.")
        return False
    return limited or wanted in _PAGED


def _page(
    request: Request, stored: Stored, wanted: str, asked: Mapping[str, Any]
) -> HttpResponseBase:
    params = request.query_params
    found = page(
        stored, limit=_limit(params.get("limit")), cursor=params.get("cursor", ""), **asked
    )
    following = None
    if found.cursor:
        onwards = params.copy()
        onwards["cursor"] = found.cursor
        following = request.build_absolute_uri(f"{request.path}?{onwards.urlencode()}")
    told = {
        "total": found.total,
        "matching": found.matching,
        "overflow": bool(facts(stored).get("overflow")),
        "next": following,
    }
    headers = {"Cache-Control": "no-store"}
    if following:
        headers["Link"] = f'<{following}>; rel="next"'
    encoder = ENCODERS[wanted]
    content = b"".join(encoder.encode(found.table, footer=lambda: told))
    if wanted == "json" and "text/html" in request.accepted_renderer.media_type:
        return Response(orjson.loads(content), headers=headers)
    if filename := _filename(stored, wanted):
        headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return HttpResponse(content, content_type=encoder.media_type, headers=headers)


def _whole(
    request: Request, stored: Stored, wanted: str, asked: Mapping[str, Any]
) -> HttpResponseBase:
    caller = caller_key(request)
    _DOWNLOADS.take(caller, MOST_DOWNLOADS)
    give_back = _once(lambda: _DOWNLOADS.give_back(caller))
    try:
        if wanted == "parquet" and not any(asked.values()):
            return _as_it_is(stored, give_back)
        return _encoded(stored, wanted, rows(stored, **asked), give_back)
    except BaseException:
        give_back()
        raise


def _as_it_is(stored: Stored, give_back: Callable[[], None]) -> FileResponse:
    response = FileResponse(
        _Download(stored.path, give_back),
        as_attachment=True,
        filename=_filename(stored, "parquet"),
        content_type=ENCODERS["parquet"].media_type,
        headers={"Cache-Control": "no-store"},
    )
    response.block_size = _BLOCK
    return response


def _encoded(
    stored: Stored, wanted: str, table: TableStream, give_back: Callable[[], None]
) -> HttpResponseBase:
    told = {key: value for key, value in facts(stored).items() if key != "overflow"}
    matching = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal matching
        for batch in table:
            matching += batch.num_rows
            yield batch

    def footer() -> dict[str, Any]:
        return {
            **told,
            "total": total(stored),
            "matching": matching,
            "overflow": table.overflow,
            "next": None,
        }

    def end() -> None:
        table.close()
        give_back()

    encoder = ENCODERS[wanted]
    whole = TableStream(table.schema, counted(), overflowed=lambda: table.overflow)
    return stream(
        encoder.encode(whole, footer=footer),
        content_type=encoder.media_type,
        filename=_filename(stored, wanted),
        on_close=end,
    )


class _Download(io.FileIO):
    """A file that tells when it is closed: as a FileResponse does, whatever happens to it."""

    def __init__(self, path: Any, closed: Callable[[], None]) -> None:
        super().__init__(path)
        self._closed = closed

    def close(self) -> None:
        super().close()
        self._closed()


def _limit(text: str | None) -> int:
    if not text:
        return PAGE_ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGE_MAX):
        raise InvalidRequest(
            f"limit: {text[:40]!r} is no number of rows from 1 to {PAGE_MAX}; all come with "
            "whole=true."
        )
    return int(text)


def _filename(stored: Stored, wanted: str) -> str:
    return "" if wanted in _PAGED else f"{stored.name}.{ENCODERS[wanted].extension}"


def _once(end: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `end` the first time it is called."""
    ends = [end]

    def call() -> None:
        if ends:
            ends.pop()()

    return call
