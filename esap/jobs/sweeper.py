"""Find what nobody looked at in time: lost work, lost messages, leftovers, jobs to destroy."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from esap.errors import NotFound, WorkLost, WrongPhase
from esap.jobs import moves
from esap.jobs.destruction import destroy_due
from esap.jobs.doorbell import ring, waiting_messages
from esap.jobs.idempotency import KEY_HOURS
from esap.jobs.kinds import all_kinds, one_of_each
from esap.jobs.models import IdempotencyKey, Job, Phase
from esap.jobs.recovery import begin_again
from esap.jobs.rows import in_seconds
from esap.jobs.watches import look_soon

__all__ = ["Swept", "sweep"]

logger = structlog.get_logger(__name__)

MOST_JOBS = 500
"""How many jobs of each sort one pass looks at; the next pass takes the next ones."""

RING_AGAIN_SECONDS = 30.0
_MOST_PARTS = 20_000

_LOST = "The worker that carried out this job died in the middle of it."
_READY = (Phase.QUEUED, Phase.HELD)


@dataclass(slots=True)
class Swept:
    """What a pass did: how many jobs, and peers, of each sort it found."""

    silent: int = 0
    begun_again: int = 0
    lost: int = 0
    rung: int = 0
    to_stop: int = 0
    destroyed: int = 0
    broker_is_away: bool = False

    def told(self) -> dict[str, int]:
        """Return the counts that there is something to tell of."""
        found = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: count for name, count in found.items() if count and count is not True}


def sweep() -> Swept:
    """Make one pass. Any number may run at the same time; what one has done, the others leave."""
    done = Swept()
    _take_from_the_dead(done)
    _ring_again(done)
    _have_leftovers_stopped(done)
    done.destroyed = destroy_due()
    forgotten = timezone.now() - timedelta(hours=KEY_HOURS)
    IdempotencyKey.objects.filter(created__lt=forgotten).delete()
    return done


def _take_from_the_dead(done: Swept) -> None:
    """Find the jobs whose worker gave no sign of life while its lease lasted.

    Each is looked at twice. When the database, or the whole machine, was away for a while, all
    leases have ended by then; the workers that live say so before the second look.
    """
    for job in _due().filter(lease__isnull=False).order_by("due")[:MOST_JOBS]:
        as_it_was = Job.objects.filter(pk=job.pk, lease=job.lease, due=job.due)
        if not job.silent:
            again = in_seconds(settings.JOB_LEASE_SECONDS / 2)
            done.silent += as_it_was.update(silent=True, due=again)
            continue
        job_lease = uuid4()
        if not as_it_was.filter(silent=True).update(lease=job_lease):
            continue
        job.lease = job_lease  # Ours now: its worker, should it live, is refused.
        try:
            _recover(job, done)
        except (WrongPhase, NotFound) as refusal:
            logger.info("job left while it was swept", job=str(job.pk), because=refusal.detail)


def _recover(job: Job, done: Swept) -> None:
    logger.warning("job was lost by its worker", job=str(job.pk), kind=job.kind, phase=job.phase)
    if job.phase in _READY:  # Its worker died while handing it over.
        moves.postpone(job, job.waits_for, _settled(job))
        done.begun_again += 1
        return
    after = begin_again(job, WorkLost(_LOST))
    if after.phase == Phase.QUEUED:
        done.begun_again += 1
    else:
        done.lost += 1


def _settled(job: Job) -> datetime:
    """Return when the peer shows the job, if it has it."""
    kind = all_kinds().get(job.kind)
    settles = kind.follower.settles if kind and kind.follower else 0.0
    return max(timezone.now(), (job.submitting or job.created) + timedelta(seconds=settles))


def _ring_again(done: Swept) -> None:
    """Ring for the queued jobs that nobody took, as far as no message about them waits.

    In a long queue, all have their messages still: more would only make it longer. A job that
    waited for something, or was begun before, has none.
    """
    messages = waiting_messages()
    if messages is None:
        done.broker_is_away = True
        return
    ready = Job.objects.filter(phase__in=_READY, lease__isnull=True, remote_id="", gathers=False)
    new = Q(waits_for="", started__isnull=True, attempt=0)
    unheard = max(0, ready.filter(new, due__isnull=False).count() - messages)
    done.rung += ring([*_bumped(ready.exclude(new)), *_bumped(ready.filter(new))[:unheard]])


def _bumped(jobs: QuerySet[Job]) -> list[UUID]:
    """Return due jobs, and have them due again later, so that no other sweeper returns them.

    Of parts that are handed over together it is one: the others go along, as long as they are due.
    """
    together = [kind.name for kind in all_kinds().values() if kind.submit_many]
    with transaction.atomic():
        due = jobs.filter(due__lte=timezone.now()).order_by("due")
        alone = due.exclude(kind__in=together).select_for_update(skip_locked=True)
        ids = list(alone.values_list("pk", flat=True)[:MOST_JOBS])
        parts = due.filter(kind__in=together).values_list("pk", "kind", "peer", "parent")
        firsts = due.filter(pk__in=one_of_each(parts[:_MOST_PARTS]))
        # Not one that a worker takes just now: its lease is no more due than the worker says.
        ids += firsts.select_for_update(skip_locked=True).values_list("pk", flat=True)
        Job.objects.filter(pk__in=ids).update(due=in_seconds(RING_AGAIN_SECONDS))
    return ids


def _have_leftovers_stopped(done: Swept) -> None:
    """Have the peers looked at where something runs that has ended for us."""
    for kind, peer in (
        _due().filter(ended__isnull=False).order_by().values_list("kind", "peer").distinct()
    ):
        known = all_kinds().get(kind)
        if known is None or known.follower is None:
            _due().filter(ended__isnull=False, kind=kind, peer=peer).update(due=None)
            continue
        look_soon(known.follower, peer)
        done.to_stop += 1


def _due() -> QuerySet[Job]:
    return Job.objects.filter(due__lte=timezone.now())
