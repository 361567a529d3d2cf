"""From events to deliveries: written down once, before anything is sent."""

from collections.abc import Iterable
from time import sleep
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import Count, Q

from esap.events.reading import JobsOf, Reader, Reading, Told, Topic
from esap.jobs.models import Event
from esap.webhooks.models import Delivery, Webhook

__all__ = ["collect"]

MOST_WAITING = 1000
"""So many deliveries may wait for one webhook; further events wait where they are."""

_MOST_ROUNDS = 50
_MOST_LOOKS = 20
_LOOK_SECONDS = 0.1


def collect() -> int:
    """Write down the deliveries of all events since the last time; return how many.

    Events are read as listeners' are: in order, and none that becomes visible late is missed.
    """
    read = Reader()
    made = 0
    for _ in range(_MOST_ROUNDS):
        webhooks = list(Webhook.objects.filter(disabled=None, pk__in=_with_room()))
        if not webhooks:
            break
        found = _read(read, webhooks)
        made += _written(webhooks, found)
        if not found.more:
            break
    return made


def _read(read: Reader, webhooks: Iterable[Webhook]) -> Reading:
    """Return what is new; outside of a transaction, which would itself hold the horizon back."""
    cursors: dict[Topic, int | None] = {}
    for webhook in webhooks:
        topic = JobsOf(webhook.owner_id)
        cursors[topic] = min(webhook.cursor, cursors.get(topic) or webhook.cursor)
    found = read(cursors)
    for _ in range(_MOST_LOOKS):
        if found.reached:
            break
        sleep(_LOOK_SECONDS)
        found = read(cursors)
    return found


@transaction.atomic
def _written(webhooks: Iterable[Webhook], found: Reading) -> int:
    """Write down deliveries and how far that is, for those webhooks that nobody else has moved."""
    read_from = {webhook.pk: webhook.cursor for webhook in webhooks}
    locked = Webhook.objects.select_for_update().filter(pk__in=read_from).order_by("pk")
    ours = [one for one in locked if one.disabled is None and one.cursor == read_from[one.pk]]
    made = Delivery.objects.bulk_create(
        _deliveries(ours, found.events), ignore_conflicts=True, batch_size=500
    )
    moved: dict[int, list[UUID]] = {}
    for webhook in ours:
        reached = found.reached.get(JobsOf(webhook.owner_id), 0)
        if reached > webhook.cursor:
            moved.setdefault(reached, []).append(webhook.pk)
    for reached, ids in moved.items():
        Webhook.objects.filter(pk__in=ids).update(cursor=reached)
    return len(made)


def _with_room() -> Any:
    waiting = Count("deliveries", filter=Q(deliveries__due__isnull=False))
    return (
        Webhook.objects.annotate(waiting=waiting)
        .filter(waiting__lt=MOST_WAITING)
        .order_by()
        .values("pk")
    )


def _deliveries(webhooks: Iterable[Webhook], events: Iterable[Told]) -> list[Delivery]:
    wanted = [
        (webhook, event, data)
        for event in events
        for data in [orjson.loads(event.data)]
        for webhook in webhooks
        if JobsOf(webhook.owner_id) == event.topic and _wants(webhook, event, data)
    ]
    times = dict(
        Event.objects.filter(pk__in={event.id for _, event, _ in wanted}).values_list("pk", "time")
    )
    return [
        Delivery(
            webhook=webhook,
            event=event.id,
            body=orjson.dumps(
                {"type": f"job.{event.name}", "timestamp": times.get(event.id), "data": data},
                option=orjson.OPT_UTC_Z,
            ).decode(),
        )
        for webhook, event, data in wanted
    ]


def _wants(webhook: Webhook, event: Told, data: dict[str, Any]) -> bool:
    """Say whether a webhook is told of this event."""
    if event.id <= webhook.cursor:
        return False
    if data["parent"] is not None and not webhook.parts:
        return False
    if webhook.kinds and data["kind"] not in webhook.kinds:
        return False
    names = {event.name}
    if event.name == "phase":
        names.add(data["data"]["phase"])
    return not names.isdisjoint(webhook.events)
