"""Every configured peer, whatever the room."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from esap.backends.base import Backend
from esap.backends.registry import Registry
from esap.backends.visibility import Visible
from esap.errors import NotFound

__all__ = ["Peer", "all_peers", "peers_for", "peers_named"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A configured peer, and where it is configured."""

    room: str
    section: str
    id: str
    backend: Backend

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies it among the peers of all rooms."""
        return self.room, self.section, self.id


def all_peers() -> Iterator[Peer]:
    """Yield the peers of every room, in the order of the entries, whomever they are for."""
    for registry in _registries():
        yield from _peers(registry, registry.for_gateway())


def peers_for(caller: object) -> Iterator[Peer]:
    """Yield those of all peers that a caller may use."""
    for registry in _registries():
        yield from _peers(registry, registry.for_caller(caller))


def peers_named(peer_id: str) -> list[Peer]:
    """Return the peers with this id; an archive and a name resolver may share one."""
    found = [peer for peer in all_peers() if peer.id == peer_id]
    if not found:
        known = ", ".join(sorted({peer.id for peer in all_peers()})) or "none"
        raise NotFound(f"There is no peer {peer_id!r}. There are: {known}.")
    return found


def _registries() -> Iterator[Registry[Backend]]:
    return (import_string(path) for path in settings.PEER_REGISTRIES)


def _peers(registry: Registry[Backend], some: Visible[Backend]) -> Iterator[Peer]:
    return (Peer(registry.room, registry.name, key, some.get(key)) for key in some.ids())
