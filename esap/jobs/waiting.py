"""What it means to ask for a job once its phase has changed: `wait` here, WAIT in UWS."""

from collections.abc import Collection
from dataclasses import dataclass

from django.http import QueryDict
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from esap.errors import InvalidRequest
from esap.jobs.models import UNFINISHED, Phase

__all__ = [
    "HELD",
    "MOST_WAIT_SECONDS",
    "UWS_WAITS_IN",
    "WAITING",
    "WAITS_IN",
    "Wait",
    "asked_wait",
]

MOST_WAIT_SECONDS = 120
"""Proxies and clients give up on silent connections later than that."""

WAITS_IN: Collection[str] = UNFINISHED
UWS_WAITS_IN: Collection[str] = (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING)
"""The active phases; in all others the service answers at once (UWS 1.1, section 2.2.1.1)."""

WAITING = [
    OpenApiParameter(
        "wait",
        int,
        description="Seconds to wait for another phase, 120 at most; -1 is as long as may be.",
    ),
    OpenApiParameter("phase", description="The phase that you know; another ends the wait."),
]
HELD = OpenApiResponse(description="The events process holds the request, at Location.")


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait at most, and for a phase other than which; empty is the one it is in."""

    seconds: int
    known: str

    def holds(self, phase: str, phases: Collection[str]) -> bool:
        """Say whether a job in this phase is waited for, if jobs are in any of these."""
        return self.seconds > 0 and phase in phases and self.known in {"", phase}


def asked_wait(query: QueryDict) -> Wait | None:
    """Return what a query says, in upper or lower case; None if it does not ask to wait.

    A negative number asks to wait as long as the service likes, which is `MOST_WAIT_SECONDS`; more
    than that is not waited. Raises `InvalidRequest` for what is no whole number.
    """
    said = {name.lower(): str(query[name]).strip() for name in query}
    text = said.get("wait", "")
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= len(str(2**31))):
        raise InvalidRequest(f"wait: {text[:40]!r} is not a whole number of seconds.")
    seconds = MOST_WAIT_SECONDS if text.startswith("-") else int(text)
    return Wait(min(seconds, MOST_WAIT_SECONDS), said.get("phase", "").upper())
