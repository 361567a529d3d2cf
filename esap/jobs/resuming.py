"""Let jobs go on that waited for their user, once the user has done what they waited for."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from esap.jobs.kinds import all_kinds, one_of_each
from esap.jobs.making import ring_after_commit
from esap.jobs.models import Job, Phase
from esap.jobs.watches import look_soon

__all__ = ["resume_held"]


@transaction.atomic
def resume_held(owner: Any, peer: str = "") -> int:
    """Begin the held jobs of a user again, and look at those at peers; return how many there are.

    Whoever still lacks something is held again, with the sentence that says what.
    """
    held = Job.objects.filter(owner=owner, phase=Phase.HELD, gathers=False, lease__isnull=True)
    if peer:
        held = held.filter(peer=peer)
    here = held.filter(remote_id="").order_by("created", "pk")
    rung = one_of_each(here.values_list("pk", "kind", "peer", "parent"))
    count = here.count()
    # Due as well: of messages that are lost, or are too many, the sweeper sends more.
    here.update(due=timezone.now())
    ring_after_commit(rung)
    at_peers = held.exclude(remote_id="")
    for kind, place in at_peers.order_by().values_list("kind", "peer").distinct():
        known = all_kinds().get(kind)
        if known is not None and known.follower is not None:
            look_soon(known.follower, place)
    return count + at_peers.count()
