"""How the tests are spread over the workers of pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling

__all__ = ["Spread"]

_WHOLE = ("tests/e2e/", "tests/integration/")


class Spread(LoadScopeScheduling):
    """Files go to whichever worker is free, but all that runs a whole gateway or peer to one.

    A file shares its fixtures; gateways and peers would only slow one another down.
    """

    # pytest-xdist's own groups (loadgroup) do not work with pytest 9.2: pytest-xdist issue 1386.
    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return "whole" if file.startswith(_WHOLE) else file
