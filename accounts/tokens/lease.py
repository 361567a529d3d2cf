"""One refresh at a time: who refreshes a grant holds its lease, whatever process they are in."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.backends.grants import GrantEnded
from accounts.models import Grant
from esap.errors import BackendUnavailable

__all__ = ["Lease", "held"]

_LOOK_SECONDS = 0.05


class Lease:
    """The right to use a grant's refresh token, for some seconds."""

    def __init__(self, grant_id: uuid.UUID) -> None:
        self.grant_id = grant_id
        self._mark = uuid.uuid4()

    def take(self, seconds: float) -> bool:
        """Take it if nobody has it; raise `GrantEnded` if there is no such grant any more."""
        now = timezone.now()
        grants = Grant.objects.filter(pk=self.grant_id)
        free = Q(lease=None) | Q(lease_until__lt=now)
        until = now + timedelta(seconds=seconds)
        if grants.filter(free).update(lease=self._mark, lease_until=until):
            return True
        if not grants.exists():
            raise GrantEnded("forgotten")
        return False

    def write(self, **changes: object) -> bool:
        """Change the grant, or nothing, if the lease is still ours; say whether it was."""
        mine = Grant.objects.filter(pk=self.grant_id, lease=self._mark)
        return bool(mine.update(**{"lease": self._mark, **changes}))


@contextmanager
def held(grant_id: uuid.UUID, *, seconds: float) -> Iterator[Lease]:
    """Hold the lease of a grant, waiting for whoever has it.

    It is a row and a time rather than a lock of the database, because the provider is asked
    meanwhile: a transaction as long as that would stop every writer of SQLite. Whoever dies with
    the lease keeps others waiting for `seconds`, no longer. What is done in the block must end
    within them: two who use one refresh token end the login.
    """
    lease = Lease(grant_id)
    end = time.monotonic() + 2 * seconds
    while not lease.take(seconds):
        if time.monotonic() > end:
            raise BackendUnavailable("Your tokens are being renewed just now. Try again.")
        time.sleep(_LOOK_SECONDS)
    try:
        yield lease
    finally:
        lease.write(lease=None, lease_until=None)
