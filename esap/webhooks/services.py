"""A user's webhooks: made, changed, removed."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone
from pydantic import HttpUrl, ValidationError

from esap.backends.address import check_url
from esap.errors import ForbiddenAddress, InvalidRequest, NotFound, TooManyRequests
from esap.jobs.kinds import all_kinds
from esap.jobs.models import Event, Phase
from esap.redaction import carries_token
from esap.vault import seal
from esap.webhooks.models import Delivery, Webhook
from esap.webhooks.signing import new_secret

__all__ = [
    "EVENTS",
    "MOST_WEBHOOKS",
    "change",
    "create",
    "deliveries_of",
    "disable",
    "new_secret_for",
    "place_of_secret",
    "webhook_of",
    "webhooks_of",
]

logger = structlog.get_logger(__name__)

EVENTS = ("phase", "progress", "result", "problem", "message", *Phase.values)
"""What can be asked for: all changes of phase, or some; and the other events of every kind."""

MOST_WEBHOOKS = 20


@transaction.atomic
def create(
    owner: Any, url: str, *, events: Sequence[str], kinds: Sequence[str] = (), parts: bool = False
) -> tuple[Webhook, str]:
    """Return a new webhook, and its secret, which is told this once.

    It is told what happens from now on. Raises `InvalidRequest` for an address that can never be
    asked or a kind that no room has, and `TooManyRequests`.
    """
    _check(url, kinds)
    # Two at once would both be the last.
    get_user_model().objects.select_for_update().get(pk=owner.pk)
    running = Webhook.objects.filter(owner=owner).count()
    if running >= MOST_WEBHOOKS:
        raise TooManyRequests(
            f"You have {running} webhooks, which is as many as one may have. Delete one first.",
            running=running,
            limit=MOST_WEBHOOKS,
        )
    webhook = Webhook(
        owner=owner,
        url=url,
        events=sorted(set(events)),
        kinds=sorted(set(kinds)),
        parts=parts,
        cursor=_now(),
    )
    secret = new_secret()
    webhook.sealed_secret = seal(secret, bound_to=place_of_secret(webhook))
    webhook.save(force_insert=True)
    return webhook, secret


def change(webhook: Webhook, *, disabled: bool | None = None, **members: Any) -> Webhook:
    """Set what is given: url, events, kinds, parts; or disable it, or enable it again.

    Who is enabled again is told what happens from then on; what was given up stays so.
    """
    _check(members.get("url", webhook.url), members.get("kinds", ()))
    if disabled is True:
        disable(webhook, "You disabled it.")
    if disabled is False and webhook.disabled is not None:
        members |= {
            "disabled": None,
            "disabled_because": "",
            "failing_since": None,
            "cursor": _now(),
        }
    if members:
        Webhook.objects.filter(pk=webhook.pk).update(**members)
    return Webhook.objects.get(pk=webhook.pk)


def disable(webhook: Webhook, because: str) -> None:
    """Send nothing there any more; what waits for it is given up."""
    enabled = Webhook.objects.filter(pk=webhook.pk, disabled=None)
    if enabled.update(disabled=timezone.now(), disabled_because=because):
        logger.info("webhook disabled", webhook=str(webhook.pk), because=because)
    Delivery.objects.filter(webhook=webhook, due__isnull=False).update(due=None)


def new_secret_for(webhook: Webhook) -> str:
    """Return a new secret, which is told this once; the old one signs no more."""
    secret = new_secret()
    sealed = seal(secret, bound_to=place_of_secret(webhook))
    Webhook.objects.filter(pk=webhook.pk).update(sealed_secret=sealed)
    return secret


def webhooks_of(owner: Any) -> QuerySet[Webhook]:
    """Return a user's own webhooks."""
    return Webhook.objects.filter(owner=owner)


def webhook_of(owner: Any, webhook_id: UUID) -> Webhook:
    """Return one of a user's webhooks; `NotFound` for others' as for none."""
    webhook = webhooks_of(owner).filter(pk=webhook_id).first()
    if webhook is None:
        raise NotFound(f"You have no webhook {webhook_id}.")
    return webhook


def deliveries_of(webhook: Webhook) -> QuerySet[Delivery]:
    """Return what was, or is to be, sent to a webhook."""
    return webhook.deliveries.all()


def place_of_secret(webhook: Webhook) -> str:
    """Return what its secret is sealed for."""
    return f"webhook {webhook.pk} secret"


def _check(url: str, kinds: Collection[str]) -> None:
    if carries_token(url):
        raise InvalidRequest(
            "url: there is a token of yours in it, which is kept and shown: leave it out, and "
            "revoke it. What is sent is signed, so that the receiver knows who sends it."
        )
    try:
        check_url(url)
        HttpUrl(url)
    except ForbiddenAddress as error:
        raise InvalidRequest(f"url: {error.detail}", errors={"url": [error.detail]}) from error
    except ValidationError as error:
        raise InvalidRequest(f"url: {url[:80]!r} is not the address of a web page.") from error
    unknown = sorted(set(kinds) - set(all_kinds()))
    if unknown:
        known = ", ".join(sorted(all_kinds()))
        raise InvalidRequest(f"kinds: there is no kind of job {unknown[0]!r}. There are: {known}.")


def _now() -> int:
    return Event.objects.aggregate(last=Max("id"))["last"] or 0
