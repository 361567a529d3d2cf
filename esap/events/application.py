"""The ASGI application of the events process."""

from typing import Any
from urllib.parse import urlsplit

import django
from corsheaders.signals import check_request_enabled
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.request import split_domain_port

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


def events_application() -> EventsHandler:
    """Set Django up and return the application."""
    django.setup(set_prefix=False)
    check_request_enabled.connect(is_from_our_host)
    return EventsHandler()


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
