"""Sending callers to the events process, which holds connections, with a ticket instead of a login.

A redirect to another port or host loses the Authorization header (RFC 9110, section 15.4), and an
EventSource can send none. So the gateway, which knows the caller, says so in a signed parameter.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from django.http import HttpRequest, HttpResponseRedirect, QueryDict

from esap.errors import LoginRequired

__all__ = ["TICKET", "Ticket", "is_elsewhere", "opened", "to_events_process"]

TICKET = "ticket"
TICKET_SECONDS = 600
"""How long after it was given a ticket begins a stream, or a wait; these may last longer."""

_SALT = "esap.events.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may ask for one path, and under which origin the gateway was asked for it.

    `user` is None for somebody who had not logged in.
    """

    user: Any
    origin: str


def is_elsewhere() -> bool:
    """Say whether there is an events process to send callers to.

    Where there is none, a proxy in front knows what to send there, or nobody does.
    """
    return bool(settings.EVENTS_URL)


def to_events_process(request: HttpRequest, caller: Any) -> HttpResponseRedirect:
    """Answer that the events process serves this request: 307, with a ticket for this path."""
    given = {
        "user": str(caller.pk) if caller.is_authenticated else None,
        "path": request.path,
        "origin": request.build_absolute_uri("/").rstrip("/"),
    }
    query = without(request.GET, {TICKET})
    query[TICKET] = signing.dumps(given, salt=_SALT, compress=True)
    url = f"{settings.EVENTS_URL}{request.path}?{query.urlencode()}"
    return HttpResponseRedirect(url, preserve_request=True)


def opened(text: str, path: str) -> Ticket:
    """Return what a ticket says; `LoginRequired` if it is none, is of another path, or has ended.

    The user is looked up: one who may not log in any more gets no further.
    """
    try:
        said = signing.loads(text, salt=_SALT, max_age=TICKET_SECONDS)
    except signing.BadSignature:
        said = None
    if said is None or said["path"] != path:
        raise LoginRequired(
            "The ticket in the address has ended, or is for another one. Ask the gateway again, at "
            "the address that it came from."
        )
    user = None
    if said["user"] is not None:
        user = get_user_model().objects.filter(pk=said["user"], is_active=True).first()
        if user is None:
            raise LoginRequired("Whom the ticket names may not log in any more.")
    return Ticket(user=user, origin=said["origin"])


def without(query: QueryDict, names: set[str]) -> QueryDict:
    """Return the parameters but those with these names, in lower case; it may be changed."""
    kept = query.copy()
    for name in query:
        if name.lower() in names:
            del kept[name]
    return kept
