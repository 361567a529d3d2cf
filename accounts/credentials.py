"""What a request proved its caller's identity with, and so how far it is trusted."""

from dataclasses import dataclass
from typing import Literal, cast
from uuid import UUID

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.models import User

__all__ = ["SESSION", "Credential", "caller_of", "credential_of"]


@dataclass(frozen=True, slots=True)
class Credential:
    """The kind of credential, and what it is good for.

    `scopes` is None where it is good for all that its user may do. `token_id` is the row of an
    API token. Authenticators put it into `request.auth`.
    """

    kind: Literal["session", "access-token", "api-token", "display-token"]
    scopes: frozenset[str] | None = None
    token_id: UUID | None = None

    @property
    def is_of_a_person(self) -> bool:
        """Say whether somebody logged in for it: at our pages, or at the login provider."""
        return self.kind in {"session", "access-token"}


SESSION = Credential("session")
"""What a browser has that logged in here. Django's sessions leave `request.auth` empty."""


def credential_of(request: Request | HttpRequest) -> Credential:
    """Return the credential of a request; `SESSION` also for somebody who has not logged in.

    Raises `TypeError` if an authenticator left something else, which must not pass for a session.
    """
    auth = getattr(request, "auth", None)
    if auth is None:
        return SESSION
    if isinstance(auth, Credential):
        return auth
    raise TypeError(f"request.auth is a {type(auth).__name__}, and no Credential.")


def caller_of(request: Request) -> User:
    """Return who sent a request, behind a permission that lets nobody through without a login."""
    return cast("User", request.user)
