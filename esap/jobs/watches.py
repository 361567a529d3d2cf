"""Whose turn it is to look after the jobs at a peer, and when the next turn is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import DateTimeField, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Least
from django.utils import timezone

from esap.jobs.kinds import all_kinds
from esap.jobs.models import Job, Watch
from esap.jobs.remote import Follower
from esap.jobs.rows import in_seconds

__all__ = [
    "Turn",
    "follower_named",
    "look_soon",
    "look_soon_for",
    "next_pause",
    "open_turns",
    "take_turn",
]

TURN_SECONDS = 60.0
"""How long a turn stays with a process that gives no sign of life."""

_SLOWER = 1.5
_SHORTEST_AWAY, _LONGEST_AWAY = 5.0, 300.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One look at a peer, which nobody else takes at the same time."""

    id: int
    lease: UUID
    pause: float
    away_since: datetime | None

    def goes_on(self) -> bool:
        """Prolong the turn; return whether it is still ours."""
        rows = Watch.objects.filter(pk=self.id, lease=self.lease)
        return bool(rows.update(lease_until=in_seconds(TURN_SECONDS)))

    def end(self, pause: float | None) -> None:
        """End the turn; the next is after so many seconds, or when a job comes."""
        self._end(pause, pause=pause or 0.0, away_since=None)

    def end_away(self, since: datetime) -> None:
        """End the turn because the peer is away: the longer that lasts, the later the next."""
        away = (timezone.now() - since).total_seconds()
        pause = min(max(away, _SHORTEST_AWAY), _LONGEST_AWAY)
        self._end(pause, pause=pause, away_since=since)

    def _end(self, after: float | None, **changes: object) -> None:
        """Let go. A job that came during the turn has asked for a look of its own, which stays."""
        rows = Watch.objects.filter(pk=self.id, lease=self.lease)
        if after is not None:
            asked = Value(in_seconds(after), output_field=DateTimeField())
            changes["due"] = Least(Coalesce(F("due"), asked), asked)
        rows.update(lease=None, lease_until=None, **changes)


def take_turn(follower: str, peer: str) -> Turn | None:
    """Take the turn at a peer, if it is time to; of two who try, one gets it."""
    lease = uuid4()
    rows = open_turns().filter(follower=follower, peer=peer)
    if not rows.update(lease=lease, lease_until=in_seconds(TURN_SECONDS), due=None):
        return None
    watch = Watch.objects.get(follower=follower, peer=peer)
    return Turn(watch.pk, lease, watch.pause, watch.away_since) if watch.lease == lease else None


def open_turns() -> QuerySet[Watch]:
    """Return the peers that somebody should look at now."""
    now = timezone.now()
    return Watch.objects.filter(Q(lease=None, due__lte=now) | Q(lease_until__lte=now))


def look_soon(follower: Follower, peer: str, seconds: float = 0.0) -> None:
    """Have a peer looked at so soon, if not sooner."""
    Watch.objects.get_or_create(follower=follower.name, peer=peer)
    asked = Value(in_seconds(seconds), output_field=DateTimeField())
    Watch.objects.filter(follower=follower.name, peer=peer).update(
        due=Least(Coalesce(F("due"), asked), asked)
    )


def look_soon_for(job: Job) -> None:
    """Have the peers of a job, and of its parts, looked at now, because something changed here."""
    whole = Job.objects.filter(Q(pk=job.pk) | Q(parent=job.pk), due__isnull=False)
    for kind, peer in whole.order_by().values_list("kind", "peer").distinct():
        known = all_kinds().get(kind)
        if known is not None and known.follower is not None:
            look_soon(known.follower, peer)


def next_pause(follower: Follower, before: float, *, changed: bool) -> float:
    """Return how long to wait: little after a change, and longer while nothing happens."""
    if changed:
        return follower.fastest
    return min(max(before * _SLOWER, follower.fastest), follower.slowest)


def follower_named(name: str) -> tuple[Follower | None, list[str]]:
    """Return a follower, and the names of the kinds that it looks after."""
    kinds = [kind for kind in all_kinds().values() if kind.follower and kind.follower.name == name]
    return (kinds[0].follower if kinds else None), [kind.name for kind in kinds]
