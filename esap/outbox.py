"""What is sent to others: written down first, then tried until it has arrived or a day is over."""

import random
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

__all__ = ["Attempt", "Outgoing", "claim", "pause_after", "release", "settle"]

PATIENCE = timedelta(days=1)
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0

CLAIM_SECONDS = 600.0
"""When another pass takes up what a pass took and did not end: longer than a pass can last."""

_LOOKED_AT = 4
"""How many times as many rows as are taken are looked at, since some may have to wait."""


class Outgoing(models.Model):
    """Something to be sent: due until it is delivered, or given up."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    due = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    delivered = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Outgoing)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a try went: a status as HTTP and SMTP have them, or a sentence instead of one.

    After one that is `final`, no other is made.
    """

    seconds: float
    status: int | None = None
    error: str = ""
    final: bool = False

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it now."""
        return self.status is not None and self.status // 100 == HTTPStatus.OK // 100


def claim(
    due: models.QuerySet[Row],
    *,
    most: int,
    of: Callable[[Row], Hashable] = lambda row: row.pk,
    most_of_one: int = 1,
) -> list[Row]:
    """Take what is due now, the oldest first, so that two passes do not send the same.

    At most so many rows of one receiver (`of`) are taken. A pass that dies leaves its claims to
    end.
    """
    now = timezone.now()
    until = now + timedelta(seconds=CLAIM_SECONDS)
    taken: list[Row] = []
    counts: dict[Hashable, int] = {}
    for row in due.filter(due__lte=now).order_by("due")[: most * _LOOKED_AT]:
        if len(taken) == most:
            break
        if counts.get(of(row), 0) == most_of_one:
            continue
        if _as_it_was(row).update(due=until):
            row.due = until
            counts[of(row)] = counts.get(of(row), 0) + 1
            taken.append(row)
    return taken


def settle(row: Outgoing, attempt: Attempt) -> bool:
    """Note how it went, and when to try again, if so; return whether it was still ours to do.

    What another pass has taken up since, because this one was so slow, is its own.
    """
    now = _as_json_has_it(timezone.now())
    tries = [
        *row.attempts,
        {
            "time": now.isoformat(),
            "status": attempt.status,
            "error": attempt.error,
            "seconds": round(attempt.seconds, 3),
        },
    ]
    due = None
    if not attempt.is_taken and not attempt.final:
        following = now + pause_after(len(tries))
        due = following if following <= row.created + PATIENCE else None
    noted = {"due": due, "attempts": tries, "delivered": now if attempt.is_taken else None}
    if not _as_it_was(row).update(**noted):
        return False
    for name, value in noted.items():
        setattr(row, name, value)
    return True


def release(row: Outgoing) -> None:
    """Give back what was taken and not tried."""
    _as_it_was(row).update(due=timezone.now())


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after so many failures: four times as long each time, up to 6 h.

    A fifth more or less, by chance: receivers that come back are not asked by all at once.
    """
    pause = min(FIRST_PAUSE_SECONDS * 4.0 ** (tries - 1), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=pause * random.uniform(0.8, 1.2))  # noqa: S311 - not for secrets


def _as_it_was(row: Outgoing) -> models.QuerySet[Any]:
    return type(row)._default_manager.filter(pk=row.pk, due=row.due)  # noqa: SLF001 - Django documents it


def _as_json_has_it(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
