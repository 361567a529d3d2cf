"""What a profile tells: the published one, with the basket as its shopping cart, and ours."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from accounts.baskets.services import DEFAULT, Owner, basket_named, replace
from accounts.credentials import Credential
from accounts.models import Basket, User
from esap.errors import InvalidRequest

__all__ = ["cart", "default_basket", "fill_cart", "profile", "who"]

_CART = "shopping_cart"


def profile(
    user: User, basket: Basket, *, access_token: str, login_ends: datetime
) -> dict[str, Any]:
    """Return a user's profile with the keys of the published one; the basket is the default one.

    `oidc_id_token` is empty: what the login provider gave us stays with us. The published front
    end sends its user to log in once `id_token_expiration` is past, so it is the end of the login.
    """
    return {
        "user_name": user.get_username(),
        "full_name": user.get_full_name(),
        "user_email": user.email,
        "oidc_id_token": "",
        "oidc_access_token": access_token,
        "id_token_expiration": f"{login_ends:%Y-%m-%dT%H:%M:%SZ}",
        "query_schema": None,
        "software_repositories": [],
        "compute_resources": [],
        _CART: cart(user, basket),
    }


def who(user: User, credential: Credential) -> dict[str, Any]:
    """Return who a user is, in our shape, and what the request came with."""
    scopes = credential.scopes
    return {
        "authenticated": True,
        "user_name": user.get_username(),
        "full_name": user.get_full_name(),
        "email": user.email,
        "provider": user.provider,
        "groups": sorted(user.group_names),
        "role": user.role,
        "credential": credential.kind,
        "scopes": None if scopes is None else sorted(scopes),
    }


def cart(user: User, basket: Basket) -> list[dict[str, str]]:
    """Return the items of a basket as they are published: as JSON texts."""
    items = basket.items.values_list("data", flat=True) if basket.version else ()
    return [{"item_data": data, "user_profile": user.get_username()} for data in items]


def default_basket(user: User) -> Basket:
    """Return the basket that is the shopping cart.

    Whoever tells its version reads this first and the items after: if somebody changes it in
    between, the version told is too old, and not too new.
    """
    return basket_named(Owner(user=user), DEFAULT)


def fill_cart(user: User, sent: object, *, if_match: Sequence[str] | None = None) -> Basket:
    """Have the default basket hold what the published front end sends: bare items, not texts."""
    how = f'Send {{"{_CART}": [{{"archive": ..., "record": ...}}, ...]}}.'
    if not isinstance(sent, dict) or not isinstance(sent.get(_CART), list):
        raise InvalidRequest(f"{_CART} is missing, or not a list. {how}")
    others = sent.keys() - {_CART}
    if others:
        raise InvalidRequest(f"{', '.join(sorted(others))}: cannot be changed here. {how}")
    return replace(Owner(user=user), sent[_CART], if_match=if_match)
