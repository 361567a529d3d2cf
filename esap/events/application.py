"""The ASGI application of the events process."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, StreamingHttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase
from django.urls import get_resolver

from esap.events import holding, views
from esap.health.registry import gauge

__all__ = ["EventsHandler", "events_application"]


class EventsHandler(ASGIHandler):
    """Django's handler without a thread for each request.

    Django gives every request a thread of its own (asgiref's ThreadSensitiveContext) that stays
    until the answer ends, which for a stream is very long. Here all requests share one.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            raise ValueError(f"The events process serves HTTP, not {scope['type']}.")
        await self.handle(scope, receive, send)

    async def run_get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request, when it is time to.

        Not in a view: Django gives an asynchronous view beneath synchronous middleware a thread.
        """
        response = await holding.answer(request, super().run_get_response)
        if isinstance(response, StreamingHttpResponse) and response.is_async:
            response.streaming_content = await _begun(aiter(response))
        return response


async def _begun(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Return a stream once its first part is there: whoever sees it begin hears what comes then."""
    first = await anext(parts, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for part in parts:
            yield part

    return whole()


def events_application() -> EventsHandler:
    """Return the application; Django must be set up."""
    check_request_enabled.connect(is_from_our_host)
    gauge("esap_event_listeners", "Who listens to events or waits for a job.", _listeners)
    # All views of the gateway, which answer after a wait: now, and not while others listen.
    _ = get_resolver(holding.GATEWAY_URLS).url_patterns
    return EventsHandler()


def _listeners() -> float:
    return float(len(views.feed))


def is_from_our_host(request: HttpRequest, **_kwargs: Any) -> bool:
    """Let pages of the gateway listen when it is on another port of the same host (CORS).

    Only where ESAP_EVENTS_URL says that no proxy brings the two to one origin. Cookies do not tell
    ports apart either (RFC 6265, section 8.5), so the other ports of a host are trusted anyway.
    """
    if not settings.EVENTS_URL:
        return False
    origin = urlsplit(request.headers.get("Origin", "")).hostname
    host, _port = split_domain_port(request.get_host())
    return origin is not None and origin == host.strip("[]")
