"""Visitors: whoever has not logged in, known by a random key in their session."""

import ipaddress
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from rest_framework.request import Request

from accounts.baskets.owners import PLACE_LENGTH, Owner, visitor_digest
from accounts.credentials import caller_of
from accounts.models import Basket
from accounts.origin import check_origin
from esap.api.in_flight import caller_address
from esap.errors import TooManyRequests

__all__ = ["VISITOR_KEY", "owner_of", "visitor_key", "writing"]

VISITOR_KEY = "visitor"
"""Where the key is in the session."""

_RANDOM_BYTES = 32
_HOUSE_BITS = 64  # Of IPv6: who has one address has all of these (RFC 6177).


def visitor_key(request: Request | HttpRequest) -> str:
    """Return the key of whoever asks, or an empty text.

    A login view takes it before it calls Django's `login`, which may empty the session, and gives
    it to `adopt` after.
    """
    return str(request.session.get(VISITOR_KEY, ""))


def owner_of(request: Request) -> Owner:
    """Return whose baskets the caller may see; a visitor without a key is one who has none."""
    if request.user.is_authenticated:
        return Owner(user=caller_of(request))
    return Owner(visitor=visitor_digest(visitor_key(request)))


@contextmanager
def writing(request: Request) -> Iterator[Owner]:
    """Yield whose baskets the caller may change; refuse a visitor's page of another site.

    Where a user's request comes from, authentication has looked already. A new visitor gets a
    session only if the change succeeds, and every change makes it last longer, as it does the
    basket: whoever only looks, or errs, leaves nothing behind here.
    """
    if request.user.is_authenticated:
        yield owner_of(request)
        return
    check_origin(request)
    key = visitor_key(request) or _new_key(request)
    yield Owner(visitor=visitor_digest(key))
    request.session[VISITOR_KEY] = key
    request.session.set_expiry(None)  # A login that was begun, and not ended, made it short.


def _new_key(request: Request) -> str:
    """Return a key for a new visitor, unless their address has as many as it may have.

    What is stored is bounded by address, and not by a number per hour: a class of students may all
    come in one minute.
    """
    place = _place(caller_address(request))
    # "g" comes next after all hexadecimal digits; a range uses the index on every database.
    here = Basket.objects.filter(visitor__gte=place, visitor__lt=f"{place}g")
    most = settings.VISITORS_PER_ADDRESS
    if here.values("visitor").distinct().count() >= most:
        raise TooManyRequests(
            f"{most} visitors from your network keep baskets here, which is all that is allowed. "
            "Log in to keep yours.",
            limit=most,
        )
    return f"{place}.{secrets.token_urlsafe(_RANDOM_BYTES)}"


def _place(address: str) -> str:
    """Return a text for a network, from which its address cannot be told."""
    with suppress(ValueError):
        known = ipaddress.IPv6Address(address)
        network = ipaddress.IPv6Network((int(known), _HOUSE_BITS), strict=False)
        address = str(known.ipv4_mapped or network)
    digest = salted_hmac("accounts.baskets.visitors", address, algorithm="sha256").hexdigest()
    return digest[:PLACE_LENGTH]
