"""From what a provider says of somebody to the user that they are here."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from rest_framework.request import Request

from accounts.backends.base import Provider
from accounts.backends.told import text
from accounts.models import User
from accounts.roles import apply_role, role_for
from esap.errors import LoginFailed

__all__ = ["name_from", "user_of", "verified_email"]

_NOT_IN_NAMES = re.compile(r"[^\w.@+'-]+")
_LONGEST_NAME = 140
_MOST_TRIES = 1000


def user_of(
    provider: Provider,
    claims: Mapping[str, Any],
    *,
    request: HttpRequest | Request,
    groups: Iterable[str] | None = None,
) -> User:
    """Return the user whom verified claims are about, up to date with them; make one if need be.

    Found by issuer and subject only (OpenID Connect Core 1.0, section 5.7): names and addresses
    are anybody's to choose. `groups` are known from elsewhere than the claims, such as an access
    token. Raises `LoginFailed` for a user that an operator has closed.
    """
    issuer, subject = provider.config.issuer, str(claims["sub"])
    user = User.objects.filter(issuer=issuer, subject=subject).first()
    if user is None:
        user = _made(issuer, subject, claims)
    if not user.is_active:
        raise LoginFailed("Your account here is closed. Ask the operator of the gateway why.")
    _update(user, provider, claims, provider.groups(claims) if groups is None else groups)
    entry = provider.config
    role = role_for(user.claimed_groups, entry.operator_groups, entry.admin_groups)
    apply_role(user, role, request=request)
    return user


def verified_email(user: Any) -> str:
    """Return the address that the login provider has verified; empty if there is none to write to.

    That of a local account was only typed in. The platform finds this by settings.VERIFIED_EMAIL.
    """
    return user.email if user.is_active and user.subject else ""


def name_from(claims: Mapping[str, Any]) -> str:
    """Return a name for paths and pages, as like the user's own as can be."""
    for claim in ("preferred_username", "nickname", "name"):
        name = _NOT_IN_NAMES.sub("-", text(claims.get(claim))).strip("-.")
        if name:
            return name[:_LONGEST_NAME]
    return "user"


def _made(issuer: str, subject: str, claims: Mapping[str, Any]) -> User:
    """Make the user, under a name that nobody has in any case of letters."""
    wanted = name_from(claims)
    for number in range(1, _MOST_TRIES):
        name = wanted if number == 1 else f"{wanted}-{number}"
        if User.objects.filter(username__iexact=name).exists():
            continue
        user = User(username=name, issuer=issuer, subject=subject)
        user.set_unusable_password()
        try:
            with transaction.atomic():
                user.save(force_insert=True)
        except IntegrityError:
            # Somebody took the name just now; or this is the same login, come twice at once.
            if found := User.objects.filter(issuer=issuer, subject=subject).first():
                return found
            continue
        return user
    raise LoginFailed(f"Too many users are called {wanted!r} here. Ask the operator for a name.")


def _update(
    user: User, provider: Provider, claims: Mapping[str, Any], groups: Iterable[str] | None
) -> None:
    said = claims.get("email_verified")
    verified = said is True or said == "true"
    told: dict[str, Any] = {
        "provider": provider.config.id,
        "full_name": text(claims.get("name")),
        "email": text(claims.get("email"), 254) if verified else "",
        "claimed_groups": sorted(groups or ()),
    }
    changed = [name for name, value in told.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, told[name])
    if changed:
        user.save(update_fields=changed)
