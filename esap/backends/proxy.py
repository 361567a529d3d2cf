"""The outbound proxy, and what is checked before it is asked."""

import time

from esap.backends.deadline import Scope
from esap.backends.lookup import look_up
from esap.backends.transport import Exchange
from esap.errors import BackendTimedOut

__all__ = ["Proxy"]

# Behind a proxy, names of the outside may not resolve, or their look-up may hang.
_PATIENCE = 1.0
_MEMORY = 300.0


class Proxy:
    """A proxy resolves names itself, so that its look-up is the one that counts.

    What can be resolved here is checked here all the same. `proxies` is as `requests` takes it.
    """

    def __init__(self, url: str) -> None:
        self.proxies = {"http": url, "https": url}
        self._unresolved: dict[str, float] = {}  # host -> when to try again

    def check(self, host: str, exchange: Exchange) -> None:
        """Raise `ForbiddenAddress` if the host is seen to have an address it must not have."""
        if time.monotonic() < self._unresolved.get(host, 0.0):
            return
        try:
            found = look_up(host, 0, Scope(_PATIENCE, exchange.scope))
        except (OSError, BackendTimedOut):
            exchange.scope.check()
            self._unresolved[host] = time.monotonic() + _MEMORY
            return
        exchange.check_addresses(host, found)
