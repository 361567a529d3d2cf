"""Wait for what happens elsewhere: in another thread, or at a peer."""

import time
from collections.abc import Callable


def wait_for(claim: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Return whether the claim came true in time.

    It is not asked again once it was true: by then it may be true no more.
    """
    ends = time.monotonic() + seconds
    while not (true := claim()) and time.monotonic() < ends:
        time.sleep(0.02)
    return true
