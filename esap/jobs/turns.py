"""Take the turns at peers that have come, each in a thread: one slow peer delays no other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import DatabaseError, close_old_connections, connection

from esap.jobs.following import look_after
from esap.jobs.watches import open_turns

__all__ = ["ask_peers"]

logger = structlog.get_logger(__name__)

_MOST_AT_ONCE = 16
_pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="peer")
_lock = threading.Lock()
_under_way: set[tuple[str, str]] = set()


def ask_peers() -> int:
    """Begin the turns that have come, and do not wait for them; return how many were begun."""
    begun = 0
    for watch in open_turns():
        place = (watch.follower, watch.peer)
        with _lock:
            if place in _under_way:
                continue
            _under_way.add(place)
        _pool.submit(_turn, *place)
        begun += 1
    return begun


def _turn(follower: str, peer: str) -> None:
    close_old_connections()
    try:
        look_after(follower, peer)
    except DatabaseError as trouble:
        logger.warning("peer not looked at this time", peer=peer, because=str(trouble))
    except Exception:  # one room's bug must not keep the others' jobs from being followed
        logger.exception("a turn at a peer hit a bug", follower=follower, peer=peer)
    finally:
        connection.close()  # turns are rare, and threads may stay idle for long
        with _lock:
            _under_way.discard((follower, peer))
