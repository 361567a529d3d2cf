"""How much one caller may have going on at once."""

import threading
from collections import Counter

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from esap.errors import TooManyRequests

__all__ = ["Slots", "caller_address", "caller_key"]


def caller_key(request: HttpRequest | Request) -> str:
    """Return who the caller is, for counting: the user, or else the address."""
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return f"user {user.pk}"
    return caller_address(request)


def caller_address(request: HttpRequest | Request) -> str:
    """Return the address that the caller has, as far as it can be believed.

    Behind a proxy the last address of X-Forwarded-For is the one our proxy saw; those before it
    are what the caller claims.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if settings.BEHIND_PROXY and forwarded:
        return str(forwarded.rpartition(",")[2].strip())
    return str(request.META.get("REMOTE_ADDR", ""))


class Slots:
    """Places for work in flight, of which each caller may hold so many at once (per process)."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()

    def take(self, caller: str, most: int) -> None:
        """Take a place; raise `TooManyRequests`, saying what is running, if all are taken."""
        with self._lock:
            if self._held[caller] >= most:
                raise TooManyRequests(
                    f"You have {most} {self.what} running, which is all that is allowed at once. "
                    "Wait for one to end, or close it.",
                    running=self._held[caller],
                    limit=most,
                    retry_after=1,
                )
            self._held[caller] += 1

    def give_back(self, caller: str) -> None:
        """Free a place."""
        with self._lock:
            self._held[caller] -= 1
            if self._held[caller] <= 0:
                del self._held[caller]
