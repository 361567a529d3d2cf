"""The gateway's tickets, taken instead of a login. Only the events process has this middleware."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from esap.api.elsewhere import TICKET, Ticket, opened, without
from esap.api.problems import problem_response
from esap.errors import LoginRequired

__all__ = ["Tickets"]


class Tickets:
    """Let in whom a ticket names; it comes after the login by cookie, and wins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        text = request.GET.get(TICKET)
        if text is not None:
            try:
                _let_in(request, opened(text, request.path))
            except LoginRequired as error:
                response = problem_response(error, request)
                response.headers["WWW-Authenticate"] = "Bearer"
                return response
        return self.get_response(request)


def _let_in(request: HttpRequest, ticket: Ticket) -> None:
    """Make it a request of that user, as it reached the gateway: an answer may hold addresses."""
    request.GET = without(request.GET, {TICKET})  # type: ignore[assignment]  # as for Django's own
    if ticket.user is not None:
        request.user = ticket.user
    origin = urlsplit(ticket.origin)
    request.META |= {
        "HTTP_HOST": origin.netloc,
        "HTTP_X_FORWARDED_HOST": origin.netloc,
        "HTTP_X_FORWARDED_PROTO": origin.scheme,
    }
    request.scope = {**request.scope, "scheme": origin.scheme}  # type: ignore[attr-defined]  # ASGI
