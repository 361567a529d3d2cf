"""The health matrix: every peer that somebody may use, beside what its last ping found."""

from typing import Any

from esap.health.models import PeerHealth, State
from esap.health.peers import peers_for

__all__ = ["matrix"]


def matrix(caller: object) -> list[dict[str, Any]]:
    """Return every peer that the caller may use; one that was never asked is unknown."""
    found = {(row.room, row.section, row.peer): row for row in PeerHealth.objects.all()}
    rows = []
    for peer in peers_for(caller):
        known = found.get(peer.key)
        rows.append(
            {
                "id": peer.id,
                "room": peer.room,
                "section": peer.section,
                "type": peer.backend.config.type,
                "title": peer.backend.config.title,
                "state": known.state if known else State.UNKNOWN.value,
                "latency": known.latency if known else None,
                "checked": known.checked if known else None,
                "last_error": (known.last_error or None) if known else None,
                "last_error_at": known.last_error_at if known else None,
                "breaker": known.breaker if known else "",
            }
        )
    return rows
