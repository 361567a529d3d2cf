"""How a connection is begun, made, listed and ended."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.actions import Action
from accounts.audit import record
from accounts.backends.base import Service, connections
from accounts.backends.grants import GrantEnded, Tokens
from accounts.models import Grant, User
from accounts.tokens import end, keep_connection
from esap.errors import EsapError, LoginFailed, NotConnected
from esap.jobs.services import resume

__all__ = ["Connection", "begin", "connection_of", "connections_of", "disconnect", "finish"]

logger = structlog.get_logger(__name__)
_BEGUN = "connecting"
_MOST_BEGUN = 20
_SECONDS = 900
_STRANGE = (
    "This connection was not begun in this browser, is too old, or has been made already. Connect "
    "again."
)


@dataclass(frozen=True, slots=True)
class Connection:
    """A peer that a user may connect to, and how they stand with it."""

    id: str
    title: str
    description: str
    connected: bool
    subject: str = ""
    scopes: tuple[str, ...] = ()
    created: datetime | None = None
    refreshed: datetime | None = None


def connections_of(user: User) -> Iterator[Connection]:
    """Yield all peers that a user may connect to."""
    grants = {
        grant.server: grant for grant in Grant.objects.filter(user=user, kind=Grant.Kind.CONNECTION)
    }
    for service in connections.for_caller(user):
        yield _shown(service, grants.get(service.config.id))


def connection_of(user: User, connection: str) -> Connection:
    """Return how a user stands with a peer; raise `NotFound` if they may not connect to it."""
    service = connections.for_caller(user).get(connection)
    return _shown(service, _grants(user, connection).first())


def begin(
    user: User, connection: str, *, session: SessionBase, redirect_uri: str, back_to: str
) -> str:
    """Return where to send the user's browser to connect to a peer.

    The state and the code verifier (RFC 7636) wait in the session for the answer.
    """
    service = connections.for_caller(user).get(connection)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    begun: dict[str, Any] = session.get(_BEGUN, {})
    while len(begun) >= _MOST_BEGUN:
        del begun[min(begun, key=lambda known: begun[known]["at"])]
    begun[state] = {
        "connection": connection,
        "user": user.pk,
        "verifier": verifier,
        "back_to": back_to,
        "at": time.time(),
    }
    session[_BEGUN] = begun
    return service.authorization_url(state=state, redirect_uri=redirect_uri, verifier=verifier)


def finish(
    user: User, answer: dict[str, str], *, redirect_uri: str, request: HttpRequest | Request
) -> str:
    """Make the connection that a peer sent the user back with; return where the user goes now.

    Jobs that waited for it go on. Raises `LoginFailed` if it was not begun in this session by this
    user, or was not granted.
    """
    begun: dict[str, Any] = request.session.get(_BEGUN, {})
    began = begun.pop(answer.get("state", ""), None)
    request.session.modified = True
    # At once, and not when the answer is sent: the same answer may come twice at the same time.
    request.session.save()
    if began is None or began["user"] != user.pk or time.time() - began["at"] > _SECONDS:
        raise LoginFailed(_STRANGE)
    service = connections.for_caller(user).get(began["connection"])
    title = service.config.title
    if service.issuer and answer.get("iss") != service.issuer:
        raise LoginFailed(f"This answer did not come from {title}. Connect again.")
    if "code" not in answer:
        raise LoginFailed(f"You are not connected: {title} did not allow it, or it was given up.")
    try:
        tokens = service.redeem(
            answer["code"], verifier=began["verifier"], redirect_uri=redirect_uri
        )
    except GrantEnded as error:
        raise LoginFailed(f"{title} does not know this login any more. Connect again.") from error
    grant = keep_connection(user, service, tokens, _name_at(service, tokens))
    record(Action.CONNECTION_MADE, user, request=request, server=grant.server)
    resume(user)
    return str(began["back_to"])


def disconnect(user: User, connection: str, *, request: HttpRequest | Request) -> None:
    """End a connection here and at the peer; raise `NotConnected` if there is none.

    One whose entry is gone, or is not for the user any more, can be ended all the same.
    """
    grant = _grants(user, connection).select_related("user").first()
    if grant is None:
        raise NotConnected(f"You have no connection {connection!r}.")
    end(grant)
    record(Action.CONNECTION_ENDED, user, request=request, server=connection)


def _name_at(service: Service, tokens: Tokens) -> str:
    """Return the user's name at a peer; the connection is as good without it."""
    try:
        return service.whose(tokens.access_token)
    except EsapError as error:
        logger.warning("the peer tells no name", server=service.config.id, why=error.detail)
        return ""


def _grants(user: User, connection: str) -> Any:
    return Grant.objects.filter(user=user, kind=Grant.Kind.CONNECTION, server=connection)


def _shown(service: Service, grant: Grant | None) -> Connection:
    entry: Any = service.config
    told = (entry.id, entry.title, entry.description)
    if grant is None:
        return Connection(*told, connected=False)
    return Connection(
        *told,
        connected=True,
        subject=grant.subject,
        scopes=tuple(grant.scope.split()),
        created=grant.created,
        refreshed=grant.refreshed,
    )
