"""The end of all jobs of a user: nothing of theirs goes on, also not at a peer."""

import time
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from esap.backends.deadline import within
from esap.jobs.destruction import Ending
from esap.jobs.families import aborted
from esap.jobs.kinds import all_kinds
from esap.jobs.leftovers import stop_leftovers
from esap.jobs.models import UNFINISHED, Event, Job, Phase
from esap.jobs.patience import patient
from esap.jobs.remote import Follower
from esap.jobs.watches import look_soon

__all__ = ["abort_all", "abort_all_at_peers", "delete_all"]

logger = structlog.get_logger(__name__)

_AT_ONCE = 500
_STOP_SECONDS = 20.0
"""About how long somebody who deletes their account waits for peers."""

# What tells anything of a user, as it is where nothing is told.
_NOTHING_TOLD: dict[str, Any] = {
    "owner": None,
    "parent": None,
    "run_id": "",
    "parameters": {},
    "uws_parameters": None,
    "progress_sentence": "",
    "results": [],
    "problem": None,
    "share": "",
}


def abort_all(owner: Any) -> int:
    """Abort all unfinished jobs of a user, hundreds at once; return how many.

    What runs at a peer is stopped there soon, by those who follow it.
    """
    unfinished = Job.objects.filter(owner=owner, phase__in=UNFINISHED)
    count = 0
    # The topmost first, as all who lock rows of a family do.
    while level := _some(unfinished.filter(parent__isnull=True)) or _some(unfinished):
        count += _abort(level)
    for _, follower, peer in _at_peers(owner):
        look_soon(follower, peer)
    return count


def abort_all_at_peers(owner: Any) -> int:
    """Abort as `abort_all` does, and stop at the peers now what runs there, while they know whose.

    What cannot be stopped within some seconds stays due, and is tried again.
    """
    count = abort_all(owner)
    until = time.monotonic() + _STOP_SECONDS
    for kind, follower, peer in _at_peers(owner):
        mine = _leftovers(owner).filter(kind=kind, peer=peer, due__lte=timezone.now())
        while mine.exists() and time.monotonic() < until:
            with within(_STOP_SECONDS):
                stop_leftovers(follower, peer, [kind])
    return count


def delete_all(owner: Any) -> int:
    """Delete the ended jobs of a user with all that is kept of them; return how many.

    What is still to be stopped at a peer stays, as nobody's and without anything that tells of a
    user, until that is done: for a day at most.
    """
    count = 0
    mine = Job.objects.filter(owner=owner)
    while ids := _some(mine):
        _delete_what_is_stored(Job.objects.filter(pk__in=ids))
        with transaction.atomic():
            Event.objects.filter(job__in=ids).delete()
            Job.objects.filter(parent__in=ids).update(parent=None)
            left = Job.objects.filter(pk__in=ids, due__isnull=False, submitting__isnull=False)
            left.update(destruction=timezone.now(), **_NOTHING_TOLD)
            Job.objects.filter(pk__in=ids, owner=owner).delete()
        count += len(ids)
    return count


def _some(jobs: QuerySet[Job]) -> list[UUID]:
    return list(jobs.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])


@patient
@transaction.atomic
def _abort(ids: list[UUID]) -> int:
    """Abort these and their parts, level by level; return how many there were."""
    now, count = timezone.now(), 0
    level = Job.objects.filter(pk__in=ids)
    while True:
        rows = level.filter(phase__in=UNFINISHED).select_for_update().order_by("pk")
        found = list(rows.values_list("pk", flat=True))
        if not found:
            return count
        count += len(found)
        Job.objects.filter(pk__in=found).update(phase=Phase.ABORTED, **aborted(now))
        Event.objects.bulk_create(
            Event(job_id=pk, name="phase", data={"phase": Phase.ABORTED.value}) for pk in found
        )
        level = Job.objects.filter(parent__in=found)


def _leftovers(owner: Any) -> QuerySet[Job]:
    return Job.objects.filter(owner=owner, ended__isnull=False, due__isnull=False).exclude(peer="")


def _at_peers(owner: Any) -> list[tuple[str, Follower, str]]:
    """Return of which kind, and at which peers, something of a user is to be stopped."""
    places = _leftovers(owner).order_by().values_list("kind", "peer").distinct()
    kinds = all_kinds()
    return [
        (name, kind.follower, peer)
        for name, peer in places
        if (kind := kinds.get(name)) is not None and kind.follower is not None
    ]


def _delete_what_is_stored(jobs: QuerySet[Job]) -> None:
    """Have it removed; what cannot be removed now is found by the sweeps of those who keep it."""
    some = list(jobs)
    for path in settings.JOB_ENDINGS:
        ending: Ending = import_string(path)
        try:
            ending(some)
        except Exception:  # what one room keeps must not keep the account alive
            logger.exception("what is kept of jobs is not removed yet", ending=path)
