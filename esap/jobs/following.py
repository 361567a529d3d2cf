"""Look after the jobs at one peer: stop those that nobody wants, ask how the others stand."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from esap.backends.deadline import within
from esap.errors import BackendTimedOut, EsapError, NotFound, WrongPhase
from esap.jobs import moves
from esap.jobs.leftovers import stop_leftovers
from esap.jobs.models import ENDED, Event, Job, Phase
from esap.jobs.recovery import NEEDS_ITS_USER
from esap.jobs.remote import Follower, Standing
from esap.jobs.rows import shortened
from esap.jobs.standing import observe, observe_missing
from esap.jobs.watches import TURN_SECONDS, Turn, follower_named, look_soon, next_pause, take_turn

__all__ = ["look_after"]

logger = structlog.get_logger(__name__)

_ASK_SECONDS = TURN_SECONDS * 0.75


def look_after(name: str, peer: str) -> None:
    """Take a turn at a peer, if it is time to: one bulk question, and what follows from it."""
    follower, kinds = follower_named(name)
    if follower is None:
        logger.error("nobody follows jobs by this name any more", follower=name, peer=peer)
        return
    turn = take_turn(name, peer)
    if turn is None:
        return
    stop_leftovers(follower, peer, kinds)
    open_jobs = Job.objects.filter(peer=peer, kind__in=kinds, ended__isnull=True)
    jobs = list(open_jobs.exclude(remote_id="").order_by("created", "pk"))
    try:
        news = _ask(follower, peer, jobs, turn)
    except EsapError as error:
        _away(peer, jobs, turn, error)
        return
    pause = next_pause(follower, turn.pause, changed=news)
    turn.end(_not_past_an_end(pause, follower, jobs) if jobs else None)


def _ask(follower: Follower, peer: str, jobs: Sequence[Job], turn: Turn) -> bool:
    """Ask how all jobs stand, and write it down; return whether anything was new."""
    news = False
    for first in range(0, len(jobs), follower.most):
        some = jobs[first : first + follower.most]
        with within(_ASK_SECONDS):
            standings = _standings(follower, peer, some)
        if not turn.goes_on():
            logger.warning("a turn took too long", follower=follower.name, peer=peer)
            return news
        for job in some:
            news |= _noted(follower, job, standings.get(job.remote_id))
    return news


def _standings(follower: Follower, peer: str, jobs: Sequence[Job]) -> Mapping[str, Standing]:
    """Ask in one question; where one user has to log in, for each user's jobs by themselves."""
    try:
        return follower.follow(peer, jobs)
    except NEEDS_ITS_USER as error:
        owners = dict.fromkeys(job.owner_id for job in jobs)
        if len(owners) == 1:
            return {job.remote_id: error for job in jobs}
    found: dict[str, Standing] = {}
    for owner in owners:
        theirs = [job for job in jobs if job.owner_id == owner]
        found |= _standings(follower, peer, theirs)
    return found


def _noted(follower: Follower, job: Job, standing: Standing | None) -> bool:
    try:
        if standing is None:
            return observe_missing(job)
        if isinstance(standing, EsapError):
            return _untold(job, standing)
        if standing.phase not in ENDED and _over(job):
            moves.abort(job, because=_too_long(job))
            look_soon(follower, job.peer)
            return True
        return observe(job, standing)
    except (WrongPhase, NotFound) as refusal:
        logger.info("job changed while its peer was asked", job=str(job.pk), because=refusal.detail)
        return False


def _untold(job: Job, error: EsapError) -> bool:
    """Keep in mind, once, why one job's standing cannot be told."""
    held = isinstance(error, NEEDS_ITS_USER)
    if job.waits_for == shortened(error.detail) and held is (job.phase == Phase.HELD):
        return False
    if held:
        moves.hold(job, error.detail, None)
    else:
        moves.postpone(job, error.detail, None)
    return True


def _away(peer: str, jobs: Sequence[Job], turn: Turn, error: EsapError) -> None:
    """Let all jobs say that their peer is away; they stay in their phases."""
    since = turn.away_since or timezone.now()
    logger.warning("peer is away", peer=peer, since=since, because=error.detail)
    sentence = shortened(f"{peer} is away since {since:%Y-%m-%d %H:%M} UTC. {error.detail}")
    with transaction.atomic():
        rows = Job.objects.filter(pk__in=[job.pk for job in jobs if job.waits_for != sentence])
        rows = rows.filter(ended__isnull=True)
        # Not those that somebody changes just now: who waits for rows may lock others out.
        ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        Job.objects.filter(pk__in=ids).update(waits_for=sentence)
        Event.objects.bulk_create(
            Event(job_id=pk, name="message", data={"sentence": sentence}) for pk in ids
        )
    turn.end_away(since)


def _over(job: Job) -> bool:
    ends = _allowed_until(job)
    return ends is not None and ends <= timezone.now()


def _allowed_until(job: Job) -> datetime | None:
    if not job.execution_duration or job.started is None:
        return None
    return job.started + timedelta(seconds=job.execution_duration)


def _too_long(job: Job) -> EsapError:
    return BackendTimedOut(
        f"The job was not done within the {job.execution_duration} s that it was allowed to run. "
        "Allow more, and retry it.",
        peer=job.peer,
    )


def _not_past_an_end(pause: float, follower: Follower, jobs: Iterable[Job]) -> float:
    """Return a shorter pause if a job is expected to end, or has to, before it is over."""
    now = timezone.now()
    ends = [end for job in jobs for end in (job.quote, _allowed_until(job)) if end and end > now]
    if not ends:
        return pause
    return min(pause, max((min(ends) - now).total_seconds(), follower.fastest))
