"""What an API token may be allowed, and whether that is enough for a request."""

from collections.abc import Collection

__all__ = ["ROOMS", "SCOPES", "allows"]

ROOMS = ("accounts", "batch", "dirac", "ida", "jobs", "query", "rucio", "uws")
"""First segments of the paths under /esap-api/ that a scope can name."""

SCOPES = (
    "read",
    "write",
    *(f"{room}:{what}" for room in ROOMS for what in ("read", "write")),
)
"""`read` allows safe methods and `write` all, everywhere or in one room."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1, without TRACE
# It is for people, and has a login of its own.
_CLOSED = frozenset({"admin"})


def allows(scopes: Collection[str], method: str, path: str) -> bool:
    """Say whether the scopes are enough for a request; what is not granted is denied.

    `path` is `request.path_info`, which starts with /esap-api/ under a sub-path too.
    """
    before, api, room, *_ = [*path.split("/", 3), "", ""]
    if before or api != "esap-api" or room in _CLOSED:
        return False
    enough = {"read", "write"} if method in _SAFE else {"write"}
    if room in ROOMS:
        enough |= {f"{room}:{scope}" for scope in enough}
    return not enough.isdisjoint(scopes)
