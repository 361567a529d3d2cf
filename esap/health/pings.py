"""Ask every peer whether it is well, all at once, and keep what they say."""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import structlog
from django.utils import timezone

from esap.backends.deadline import Scope, within
from esap.errors import EsapError
from esap.health.models import PeerHealth, State
from esap.health.peers import Peer

__all__ = ["PING_SECONDS", "Pinged", "ping", "ping_all", "remember"]

logger = structlog.get_logger(__name__)

PING_SECONDS = 5.0
ALL_SECONDS = 10.0
MOST_AT_ONCE = 64
_KEY = ("room", "section", "peer")
_ALWAYS = ("state", "latency", "checked", "breaker")


@dataclass(frozen=True, slots=True)
class Pinged:
    """What one ping found; `error` is a sentence, empty if the peer is well."""

    peer: Peer
    seconds: float | None
    error: str = ""


def ping(peer: Peer, *, seconds: float = PING_SECONDS, parent: Scope | None = None) -> Pinged:
    """Ask one peer, within a deadline. Never raises: what went wrong is the answer."""
    began = time.perf_counter()
    try:
        with within(seconds, parent=parent):
            peer.backend.ping()
    except EsapError as error:
        return Pinged(peer, None, error.detail)
    except Exception:  # the border between backends: a broken one hurts only its own row
        logger.exception("the ping of a peer hit a bug", peer=peer.id)
        return Pinged(peer, None, "The gateway's own code for this service failed; see its log.")
    return Pinged(peer, time.perf_counter() - began)


def ping_all(peers: Iterable[Peer]) -> list[Pinged]:
    """Ask all peers at the same time; return within about ten seconds whatever they do."""
    asked = list(peers)
    if not asked:
        return []
    pool = ThreadPoolExecutor(min(len(asked), MOST_AT_ONCE), thread_name_prefix="ping")
    try:
        with within(ALL_SECONDS) as scope:
            answers = {pool.submit(ping, peer, parent=scope): peer for peer in asked}
            done, late = wait(answers, timeout=ALL_SECONDS)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [future.result() for future in done] + [
        Pinged(answers[future], None, "It did not answer the ping in time.") for future in late
    ]


def remember(found: Iterable[Pinged]) -> None:
    """Write what the pings found, in two statements; a last error outlives recovery."""
    now = timezone.now()
    well, failing = [], []
    for pinged in found:
        room, section, peer_id = pinged.peer.key
        row = PeerHealth(room=room, section=section, peer=peer_id, checked=now)
        row.breaker = breaker_state(pinged.peer)
        if pinged.error:
            row.state, row.last_error, row.last_error_at = State.FAILING, pinged.error, now
            failing.append(row)
        else:
            row.state, row.latency = State.OK, pinged.seconds and round(pinged.seconds, 4)
            well.append(row)
    _upsert(well, _ALWAYS)
    _upsert(failing, (*_ALWAYS, "last_error", "last_error_at"))


def breaker_state(peer: Peer) -> str:
    """Return how this process's circuit breaker of the peer stands."""
    return peer.backend.http.breaker.state


def _upsert(rows: list[PeerHealth], fields: tuple[str, ...]) -> None:
    PeerHealth.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=_KEY, update_fields=fields
    )
