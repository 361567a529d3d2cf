"""All that the gateway holds of a user, as one JSON document that is never whole in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import ApiToken, AuditEvent, Basket, BasketItem, Grant, PeerToken, User
from esap.api.export import rows, with_parts

__all__ = ["api_tokens", "audit_log", "baskets", "document", "grants", "profile"]

Source = Callable[[User], tuple[str, Any]]
"""Returns a name and what stands under it: a JSON value, or an iterator of a list's members.

The setting ACCOUNT_DATA names the sources, so that a room adds its own there. A source leaves out
secrets, and takes a fixed number of statements, however much there is.
"""

_CHUNK_BYTES = 64 * 1024


def document(user: User) -> Iterator[bytes]:
    """Yield the document in chunks of some 64 kB; each source is a member of it."""
    sources: list[Source] = [import_string(path) for path in settings.ACCOUNT_DATA]
    held = dict(source(user) for source in sources)
    pending = bytearray()
    for piece in _pieces({"exported": timezone.now(), **held}):
        pending += piece
        if len(pending) >= _CHUNK_BYTES:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending)


def profile(user: User) -> tuple[str, Any]:
    """Return who the user is: what their provider told, and what follows from it."""
    return "profile", {
        "user_name": user.get_username(),
        "full_name": user.get_full_name(),
        "email": user.email,
        "provider": user.provider,
        "issuer": user.issuer,
        "subject": user.subject,
        "groups": user.claimed_groups,
        "role": user.role,
        "joined": user.date_joined,
        "last_login": user.last_login,
    }


def grants(user: User) -> tuple[str, Any]:
    """Return logins and connections, and for what and until when each has tokens."""
    mine = Grant.objects.filter(user=user)
    tokens = PeerToken.objects.filter(grant__in=mine)
    return "grants", with_parts(
        rows(mine, "id kind server subject scope created refreshed", "id"),
        rows(tokens, "grant_id audience scope expires", "grant_id", "id"),
        name="tokens",
        whole="grant_id",
    )


def api_tokens(user: User) -> tuple[str, Any]:
    """Return API tokens, without what would tell their text."""
    mine = ApiToken.objects.filter(user=user)
    return "api_tokens", rows(mine, "id name scopes created expires last_used revoked", "created")


def baskets(user: User) -> tuple[str, Any]:
    """Return baskets, each with its items as they were sent."""
    mine = Basket.objects.filter(user=user)
    items = rows(
        BasketItem.objects.filter(basket__in=mine),
        "basket_id id kind archive data created",
        "basket_id",
        "position",
    )
    return "baskets", with_parts(
        rows(mine, "id name version created changed", "id"),
        ({**item, "data": orjson.Fragment(item["data"])} for item in items),
        name="items",
        whole="basket_id",
    )


def audit_log(user: User) -> tuple[str, Any]:
    """Return what was done in the user's name."""
    mine = AuditEvent.objects.filter(user=user)
    return "audit", rows(mine, "time action detail address request_id", "time", "id")


def _pieces(members: dict[str, Any]) -> Iterator[bytes]:
    """Write an object, of which some members are lists that come one by one."""
    separator = b"{"
    for name, value in members.items():
        yield separator + _json(name) + b":"
        yield from _list(value) if isinstance(value, Iterator) else (_json(value),)
        separator = b","
    yield b"}"


def _list(members: Iterator[Any]) -> Iterator[bytes]:
    separator = b"["
    for member in members:
        yield separator + _json(member)
        separator = b","
    yield b"[]" if separator == b"[" else b"]"


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)
