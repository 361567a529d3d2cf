"""Make, find, use and revoke API tokens."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts import audit
from accounts.actions import Action
from accounts.api_tokens.scopes import allows
from accounts.models import ApiToken, AuditEvent, User
from esap.api.in_flight import caller_address
from esap.errors import InvalidRequest, NotAllowed, NotFound

__all__ = [
    "MOST_LIVE",
    "PREFIX",
    "allows",
    "drop_ended",
    "find",
    "live",
    "make",
    "note_use",
    "revoke",
    "token_of",
    "tokens_of",
]

PREFIX = "esap_api_"
"""How every API token begins, so that people and secret scanners know what they have found."""

MOST_LIVE = 50
DEFAULT_DAYS = 90
_RANDOM_BYTES = 32  # 43 characters of base64url
_USE_SECONDS = 60
_MOST_REMEMBERED = 10_000

_known_addresses: set[tuple[UUID, str]] = set()


def make(
    user: User,
    *,
    name: str,
    scopes: Iterable[str],
    expires: datetime | None = None,
    request: HttpRequest | Request | None = None,
) -> tuple[ApiToken, str]:
    """Make a token and return it with its text, which nobody can be told again.

    It lives for 90 days unless `expires` says otherwise. Raises `InvalidRequest` if that is past
    or too far off, and `NotAllowed` if the user has as many live tokens as is allowed.
    """
    now = timezone.now()
    most = timedelta(days=settings.API_TOKEN_DAYS)
    if expires is None:
        expires = now + min(timedelta(days=DEFAULT_DAYS), most)
    if not now < expires <= now + most:
        raise InvalidRequest(
            f"expires: choose a time from now on until {now + most:%Y-%m-%dT%H:%M:%SZ}."
        )
    text = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    with transaction.atomic():
        # Two who make one at a time are counted one after the other.
        User.objects.select_for_update().get(pk=user.pk)
        if live(tokens_of(user)).count() >= MOST_LIVE:
            raise NotAllowed(
                f"You have {MOST_LIVE} API tokens, which is all that is allowed. Revoke one first."
            )
        token = ApiToken.objects.create(
            user=user, name=name, scopes=sorted(set(scopes)), digest=_digest(text), expires=expires
        )
        audit.record(
            Action.TOKEN_MADE,
            user,
            request=request,
            token_id=str(token.pk),
            name=name,
            scopes=token.scopes,
            expires=expires.isoformat(),
        )
    return token, text


def find(text: str) -> ApiToken | None:
    """Return the live token with this text, with its user; None if it is good for nothing.

    One statement, and the same work, whether it is unknown, expired, revoked, or its user inactive.
    """
    found = live(ApiToken.objects.filter(digest=_digest(text), user__is_active=True))
    return found.select_related("user").first()


def note_use(token: ApiToken, request: HttpRequest | Request) -> None:
    """Write down that a token is used: the time, once a minute, and each address new to it."""
    now = timezone.now()
    stale = now - timedelta(seconds=_USE_SECONDS)
    if token.last_used is None or token.last_used < stale:
        unwritten = Q(last_used=None) | Q(last_used__lt=stale)
        ApiToken.objects.filter(unwritten, pk=token.pk).update(last_used=now)
    _note_address(token, request)


def revoke(
    user: User,
    token_id: UUID,
    *,
    by: User | None = None,
    request: HttpRequest | Request | None = None,
) -> None:
    """End a token of the user's at once and for good; nothing happens to one that is revoked.

    `by` is whoever does it, if not the user. Raises `NotFound` if the user has no such token.
    """
    with transaction.atomic():
        mine = tokens_of(user).filter(pk=token_id)
        if mine.filter(revoked=None).update(revoked=timezone.now()):
            detail: dict[str, object] = {"token_id": str(token_id), "name": mine.get().name}
            if by is not None:
                detail["by"] = by.pk
            audit.record(Action.TOKEN_REVOKED, user, request=request, **detail)
            return
    token_of(user, token_id)


def token_of(user: User, token_id: UUID) -> ApiToken:
    """Return a token of the user's; raise `NotFound` for others', as for those there are not."""
    token = tokens_of(user).filter(pk=token_id).first()
    if token is None:
        raise NotFound(f"You have no API token {token_id}.")
    return token


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """Return all tokens of a user, also those that have ended."""
    return ApiToken.objects.filter(user=user)


def live(tokens: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    """Return those tokens that have neither expired nor been revoked."""
    return tokens.filter(revoked=None, expires__gt=timezone.now())


def drop_ended() -> int:
    """Delete tokens that ended as long ago as the audit log is kept; return how many."""
    oldest = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    ended = Q(expires__lt=oldest) | Q(revoked__lt=oldest)
    return ApiToken.objects.filter(ended).delete()[0]


def _note_address(token: ApiToken, request: HttpRequest | Request) -> None:
    """Write an address that is new for the token into the audit log.

    A process asks the log once for each; what it remembers is forgotten when it is much.
    """
    key = (token.pk, caller_address(request))
    if key in _known_addresses:
        return
    used = AuditEvent.objects.filter(
        user=token.user, action=Action.TOKEN_USED, address=key[1], detail__token_id=str(token.pk)
    )
    if not used.exists():
        audit.record(
            Action.TOKEN_USED, token.user, request=request, token_id=str(token.pk), name=token.name
        )
    if len(_known_addresses) >= _MOST_REMEMBERED:
        _known_addresses.clear()
    _known_addresses.add(key)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
