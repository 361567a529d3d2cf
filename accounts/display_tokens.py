"""The token that a profile shows: one of ours, which can only read, for ten minutes.

The published front end and its notebooks show `oidc_access_token` to their user. The tokens that we
hold for a user leave the gateway only towards peers, so a profile has this one instead.
"""

import uuid
from datetime import datetime, timedelta

import jwt
from django.utils import timezone
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from accounts.credentials import credential_of

__all__ = ["LIFETIME", "display_token", "is_display_token", "read_display_token"]

LIFETIME = timedelta(minutes=10)

_NAME = "esap-api-gateway"
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "sub", "iat", "exp", "jti", "scope"]


def display_token(request: Request) -> tuple[str, datetime]:
    """Return a token for the caller, and when it expires.

    The token is empty for a caller who came with a token: none may be made to last longer by
    another. The caller must have logged in.
    """
    now = timezone.now().replace(microsecond=0)
    expires = now + LIFETIME
    if credential_of(request).kind != "session":
        return "", expires
    claims = {
        "iss": _NAME,
        "aud": _NAME,
        "sub": str(request.user.pk),
        "iat": now,
        "exp": expires,
        "jti": uuid.uuid4().hex,
        "scope": "read",
    }
    return jwt.encode(claims, _key(), _ALGORITHM), expires


def is_display_token(text: str) -> bool:
    """Say whether a signed token claims to be one of ours; whether it is, `read_` says."""
    try:
        issuer = jwt.decode(text, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        return False
    return bool(issuer == _NAME)


def read_display_token(text: str) -> int | None:
    """Return the primary key of the user whose token this is; None if it is not one that lives.

    Whether the user may still log in is for the caller to see.
    """
    try:
        claims = jwt.decode(
            text,
            _key(),
            algorithms=[_ALGORITHM],
            issuer=_NAME,
            audience=_NAME,
            options={"require": _CLAIMS},
        )
    except jwt.InvalidTokenError:
        return None
    return int(claims["sub"])


def _key() -> bytes:
    """Return a key that follows from SECRET_KEY and is of use for nothing else."""
    return salted_hmac("accounts.display_tokens", "key", algorithm="sha256").digest()
