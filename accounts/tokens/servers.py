"""The server that a grant is from."""

from accounts.backends.base import OAuthServer, connections, providers
from accounts.models import Grant

__all__ = ["server_of"]


def server_of(grant: Grant) -> OAuthServer:
    """Return the server that a grant is from; raise `NotFound` if its entry is gone."""
    registry = providers if grant.kind == Grant.Kind.LOGIN else connections
    return registry.for_gateway().get(grant.server)
