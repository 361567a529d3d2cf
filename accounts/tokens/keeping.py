"""Writing down what an OAuth server gave, sealed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.backends.base import OAuthServer
from accounts.backends.grants import Tokens
from accounts.models import Grant, PeerToken, Session, User
from accounts.sealed import id_place, peer_token_place, refresh_place
from accounts.session_store import stored_key
from esap.vault import seal

__all__ = ["expiry_of", "keep_connection", "keep_login", "keep_token", "scope_text"]

MOST_LOGINS = 20
"""Logins of a user at once; the oldest make room. People log in and never out."""
_LONGEST = 365 * 86_400.0


@transaction.atomic
def keep_login(
    user: User, provider: OAuthServer, tokens: Tokens, claims: Mapping[str, Any], session_key: str
) -> Grant:
    """Keep the tokens of a login; those of an earlier login of the same session go."""
    logins = Grant.objects.filter(user=user, kind=Grant.Kind.LOGIN)
    session = stored_key(session_key)
    logins.filter(session_key=session).delete()
    oldest = list(logins.order_by("-created")[MOST_LOGINS - 1 :])
    if oldest:
        # The sessions end as well: a logout that the provider tells of would not find them.
        Session.objects.filter(pk__in=[grant.session_key for grant in oldest]).delete()
        logins.filter(pk__in=[grant.pk for grant in oldest]).delete()
    grant = Grant(
        user=user,
        kind=Grant.Kind.LOGIN,
        server=provider.config.id,
        subject=user.subject,
        sid=str(claims.get("sid") or "")[:255],
        session_key=session,
        scope=tokens.scope or " ".join(provider.config.scopes),
    )
    grant.id_token = seal(tokens.id_token, bound_to=id_place(grant))
    return _kept(grant, tokens)


@transaction.atomic
def keep_connection(user: User, service: OAuthServer, tokens: Tokens, subject: str) -> Grant:
    """Keep the tokens of a connection, in the place of an earlier one to the same peer."""
    Grant.objects.filter(user=user, kind=Grant.Kind.CONNECTION, server=service.config.id).delete()
    grant = Grant(
        user=user,
        kind=Grant.Kind.CONNECTION,
        server=service.config.id,
        subject=subject,
        scope=tokens.scope or " ".join(service.config.scopes),
    )
    return _kept(grant, tokens)


def keep_token(grant: Grant, tokens: Tokens, audience: str, scope: str) -> datetime:
    """Keep an access token for the next who asks; return when it expires."""
    expires = expiry_of(tokens)
    PeerToken.objects.update_or_create(
        grant=grant,
        audience=audience,
        scope=scope,
        defaults={
            "token": seal(tokens.access_token, bound_to=peer_token_place(grant, audience, scope)),
            "expires": expires,
        },
    )
    return expires


def expiry_of(tokens: Tokens) -> datetime:
    """Return when an access token that came just now expires, in a year at the latest."""
    seconds = _LONGEST if tokens.expires_in is None else min(tokens.expires_in, _LONGEST)
    return timezone.now() + timedelta(seconds=seconds)


def scope_text(scopes: Any) -> str:
    """Return scopes as they are stored and compared."""
    return " ".join(sorted(set(scopes)))


def _kept(grant: Grant, tokens: Tokens) -> Grant:
    grant.refresh_token = seal(tokens.refresh_token, bound_to=refresh_place(grant))
    grant.save(force_insert=True)
    keep_token(grant, tokens, "", "")
    return grant
