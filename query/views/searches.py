"""Searches: one question to many archives."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from esap.api.bodies import parameters_of
from esap.api.negotiation import FORMATS, PlainOrPage, table_format
from esap.api.pagination import keyset_page, keyset_response
from esap.api.preferences import preferences
from esap.api.streaming import client_left, stream
from esap.errors import InvalidRequest
from esap.jobs.creating import CREATING, mark_of, what_is_left
from esap.jobs.lingering import ended_within, preferred_wait
from esap.jobs.models import Job, Phase
from esap.tables.encoders import ENCODERS
from esap.tables.stream import TableStream
from query import services
from query.kept import kept_events, kept_table
from query.searches import Search, told_of
from query.serializers import (
    HistorySerializer,
    SearchedPageSerializer,
    SearchedSerializer,
    SearchSerializer,
)
from query.views.results import SearchResults
from query.views.running import start
from query.wire import as_line, lines

__all__ = ["SearchViewSet"]


class SearchViewSet(SearchResults):
    """Ask one question of many archives at once.

    Rows come as each archive answers (`Accept: application/x-ndjson`), or merged into one table in
    any other format. What happened at each archive is part of the answer.
    """

    permission_classes = (AllowAny,)
    content_negotiation_class = PlainOrPage
    serializer_class = SearchSerializer
    lookup_value_regex = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    def get_serializer(self, *args: Any, **kwargs: Any) -> SearchSerializer:
        """Let the browsable page show an example of a search."""
        return SearchSerializer(*args, **kwargs)

    @extend_schema(
        request=SearchSerializer,
        parameters=[
            OpenApiParameter(
                "format", enum=list(FORMATS), description="Format of the answer, before Accept."
            ),
            *CREATING,
        ],
        responses={
            (200, "application/json"): OpenApiResponse(
                OpenApiTypes.OBJECT, "All rows, columns, and how each dataset answered."
            ),
            (200, "application/x-ndjson"): OpenApiResponse(
                OpenApiTypes.STR, "Events: search, columns, rows, archive, end."
            ),
            202: OpenApiResponse(SearchedSerializer, "A worker carries it out."),
        },
    )
    def create(self, request: Request) -> HttpResponseBase:
        """Search: 200 whatever happens at the archives; 400 if it cannot be asked at all."""
        asked = _body(request)
        if "respond-async" in preferences(request):
            return self._queue(request, asked)
        wanted = table_format(request)
        give_back = start(request)
        try:
            search = Search.open(asked, request.user, goes_on=True)
            left = client_left(request._request)  # noqa: SLF001 - the WSGI request below DRF's
            response = self._answer(request, search, wanted, left, give_back)
        except BaseException:
            give_back()
            raise
        response.headers["Link"] = ", ".join(_links(search))
        return response

    @extend_schema(
        parameters=[HistorySerializer],
        responses=SearchedPageSerializer,
        operation_id="query_searches_list",
    )
    def list(self, request: Request) -> Response:
        """List your own searches, the newest first; those of anonymous callers are not listed."""
        asked = parameters_of(request, HistorySerializer)
        searches = services.searches_of(request.user, text=asked.get("text", ""))
        found, following = keyset_page(request, searches, key="created")
        return keyset_response(_searched(*found), following)

    @extend_schema(
        parameters=[OpenApiParameter("id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses=SearchedSerializer,
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        """Tell what is known of a search: its question, and how each dataset answered."""
        (searched,) = _searched(services.search_for(request.user, UUID(pk)))
        return Response(searched)

    def _answer(
        self,
        request: Request,
        search: Search,
        wanted: str,
        left: Callable[[], bool],
        give_back: Callable[[], None],
    ) -> HttpResponseBase:
        if wanted == "ndjson":

            def on_close() -> None:
                search.close()
                give_back()

            return stream(
                lines(search, search.run(left)),
                content_type=FORMATS["ndjson"][0],
                on_close=on_close,
            )
        table = services.search_at_once(search, left)
        return _as_table(request, table, wanted, search.summary, give_back)

    def _queue(self, request: Request, asked: Mapping[str, object]) -> HttpResponseBase:
        """Leave a search to a worker; answer what it found, if that comes in the time preferred."""
        wait = preferred_wait(request)
        if not wait:
            return _accepted(request, _queued(request, asked))
        wanted = table_format(request)
        give_back = start(request)
        try:
            job = _queued(request, asked)
            waited = ended_within(job, wait, client_left(request._request))  # noqa: SLF001 - as above
            if waited is not None and waited.phase == Phase.COMPLETED:
                return _kept(request, waited, wanted, wait, give_back)
        except BaseException:
            give_back()
            raise
        give_back()
        return _accepted(request, waited or job, wait if waited else 0)


def _queued(request: Request, asked: Mapping[str, object]) -> Job:
    return services.queue_search(asked, request.user, mark=mark_of(request, asked))


def _accepted(request: Request, job: Job, waited: int = 0) -> Response:
    """Answer where the search is that a worker has."""
    (searched,) = _searched(job)
    return Response(
        searched,
        status=HTTPStatus.ACCEPTED,
        headers={
            "Location": reverse("job-detail", args=[job.pk]),
            "Preference-Applied": f"respond-async, wait={waited}" if waited else "respond-async",
            **what_is_left(request, job.kind),
        },
    )


def _kept(
    request: Request, job: Job, wanted: str, waited: int, give_back: Callable[[], None]
) -> HttpResponseBase:
    """Answer what a worker has found as if it had been found here."""
    if wanted == "ndjson":
        said = (as_line(*each) for each in kept_events(job))
        response: HttpResponseBase = stream(
            said, content_type=FORMATS["ndjson"][0], on_close=give_back
        )
    else:
        table, summary = kept_table(job)
        response = _as_table(request, table, wanted, lambda: summary, give_back)
    response.headers["Link"] = f'<{_address(job.pk)}>; rel="describedby"'
    response.headers["Preference-Applied"] = f"wait={waited}"
    for name, value in what_is_left(request, job.kind).items():
        response.headers[name] = value
    return response


def _as_table(
    request: Request,
    table: TableStream,
    wanted: str,
    summary: Callable[[], Mapping[str, Any]],
    give_back: Callable[[], None],
) -> HttpResponseBase:
    encoder = ENCODERS[wanted]
    encoded = encoder.encode(table, footer=summary)
    if wanted == "json" and "text/html" in request.accepted_renderer.media_type:
        give_back()
        return Response(orjson.loads(b"".join(encoded)))
    return stream(
        encoded,
        content_type=encoder.media_type,
        filename="" if wanted.startswith("json") else f"esap-search.{encoder.extension}",
        # Not before: whoever reads slowly keeps a thread and all the rows in memory.
        on_close=give_back,
    )


def _links(search: Search) -> Iterator[str]:
    """Yield what the header Link says: where the search is, and what goes on of it."""
    yield f'<{_address(search.id)}>; rel="describedby"'
    if search.continued and search.continued["job"]:
        yield f'<{search.continued["job"]}>; rel="monitor"'  # RFC 5989


def _body(request: Request) -> Mapping[str, object]:
    if not isinstance(request.data, Mapping):
        raise InvalidRequest('Send a JSON object, such as {"target": "M31", "fov": 0.5}.')
    if hasattr(request.data, "lists"):  # a form: keys may repeat
        return {
            key: ",".join(values) if key in ("archives", "datasets") else values[0]
            for key, values in request.data.lists()
            if key != "csrfmiddlewaretoken"  # the browsable page's forms have it
        }
    return request.data


def _searched(*jobs: Job) -> list[dict[str, Any]]:
    told = told_of(*jobs)
    return [
        {
            "id": str(job.pk),
            "phase": job.phase,
            "asked": job.parameters,
            "created": job.created,
            "ended": job.ended,
            "archives": told[job.pk].outcomes,
            "job": reverse("job-detail", args=[job.pk]),
            "events": f"{_address(job.pk)}/events",
            "results": job.results,
            "provenance": f"{_address(job.pk)}/provenance",
            "continued": told[job.pk].continued,
        }
        for job in jobs
    ]


def _address(search_id: UUID) -> str:
    return reverse("search-detail", args=[search_id]).rstrip("/")
