"""Which format an answer is given in, by `?format=` or by Accept."""

from collections.abc import Iterable, Mapping, Sequence

from django.http import HttpRequest
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from esap.errors import NotAcceptable

__all__ = ["FORMATS", "PlainOrPage", "table_format"]

FORMATS: Mapping[str, Sequence[str]] = {
    "json": ["application/json"],
    "json-columns": ["application/vnd.esap.columns+json"],
    "ndjson": ["application/x-ndjson", "application/jsonl"],
    "csv": ["text/csv"],
    "votable": ["application/x-votable+xml", "text/xml", "application/xml"],
    "votable-td": ["application/x-votable+xml;serialization=tabledata"],
    "parquet": ["application/vnd.apache.parquet"],
    "arrow": ["application/vnd.apache.arrow.stream"],
}
"""The table formats by name, with the media types that ask for each."""


def table_format(request: HttpRequest | Request, offered: Sequence[str] = tuple(FORMATS)) -> str:
    """Return the name of the format the caller wants; the first offered one if they say nothing.

    Raises `NotAcceptable`, naming what is offered. A browser's text/html gets JSON, in a page.
    """
    plain = request._request if isinstance(request, Request) else request  # noqa: SLF001 - DRF's own way
    asked = plain.GET.get("format")
    if asked:
        if asked in offered:
            return asked
        raise NotAcceptable(f"format: {asked[:40]!r} is not one of {', '.join(offered)}.")
    media = {kind: name for name in offered for kind in FORMATS[name]}
    media.setdefault("text/html", offered[0])
    # Plain application/x-votable+xml also matches the one with a serialization: names come first.
    wanted = plain.get_preferred_type(list(media))
    if wanted is None:
        known = ", ".join(FORMATS[name][0] for name in offered)
        raise NotAcceptable(f"None of the formats in Accept can be given here. There are: {known}.")
    return media[wanted]


class PlainOrPage(DefaultContentNegotiation):
    """Choose only between a plain answer and a page for a browser; never refuse.

    For views whose answer may be a table: which format is `table_format`'s to say, and a problem
    document is given whatever the caller accepts.
    """

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the browsable renderer to a browser that names no format, else the first one."""
        accept = request.headers.get("Accept", "")
        wants_page = "text/html" in accept and not request.query_params.get("format")
        known = list(renderers)
        for renderer in known:
            if isinstance(renderer, BrowsableAPIRenderer) == wants_page:
                return renderer, renderer.media_type
        return known[0], known[0].media_type
