"""Sending what is due, at least once each, for up to a day."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.utils import timezone
from pydantic import HttpUrl

from esap.backends.base import BackendConfig
from esap.backends.http import open_session
from esap.errors import EsapError
from esap.vault import CannotUnseal, unseal
from esap.webhooks.models import Delivery, Webhook
from esap.webhooks.services import disable, place_of_secret
from esap.webhooks.signing import signature_headers

__all__ = ["deliver_due", "forget", "pause_after"]

logger = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 10.0
MOST_AT_ONCE = 16
MOST_A_PASS = 160
MOST_A_WEBHOOK = 16
"""So that one slow receiver keeps no other waiting for long."""

CLAIM_SECONDS = 600.0
"""When another pass takes up what a pass took and did not end: longer than a pass can last."""

PATIENCE = timedelta(days=1)
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 6 * 3600.0
_ANSWER_BYTES = 4096
_REDIRECTS = "It redirects, which is not followed. Give the address that it leads to."


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a try went: a status, or a sentence instead of one."""

    seconds: float
    status: int | None = None
    error: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver has it now."""
        return self.status is not None and self.status // 100 == HTTPStatus.OK // 100


def deliver_due() -> int:
    """Send what is due now; return how much was delivered.

    Each is claimed first, so that two passes do not send the same; a pass that dies leaves its
    claims to end.
    """
    claimed = _claimed()
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="webhook") as pool:
        attempts = list(pool.map(_attempt, claimed))
    for delivery, attempt in zip(claimed, attempts, strict=True):
        _settle(delivery, attempt)
    return sum(attempt.is_taken for attempt in attempts)


def forget() -> None:
    """Remove the log of deliveries that ended longer ago than jobs are kept."""
    until = timezone.now() - timedelta(days=settings.JOB_DAYS)
    Delivery.objects.filter(created__lt=until, due=None).delete()


def pause_after(tries: int) -> timedelta:
    """Return how long to wait after so many failures: four times as long each time, up to 6 h.

    A fifth more or less, by chance: receivers that come back are not asked by all at once.
    """
    pause = min(FIRST_PAUSE_SECONDS * 4.0 ** (tries - 1), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=pause * random.uniform(0.8, 1.2))  # noqa: S311 - not for secrets


def _claimed() -> list[Delivery]:
    now = timezone.now()
    due = Delivery.objects.filter(due__lte=now).select_related("webhook").order_by("due")
    taken: list[Delivery] = []
    of_webhook: dict[object, int] = {}
    for delivery in due[: MOST_A_PASS * 4]:
        if len(taken) == MOST_A_PASS:
            break
        if of_webhook.get(delivery.webhook_id, 0) == MOST_A_WEBHOOK:
            continue
        as_it_was = Delivery.objects.filter(pk=delivery.pk, due=delivery.due)
        claim = now + timedelta(seconds=CLAIM_SECONDS)
        if as_it_was.update(due=claim):
            delivery.due = claim
            of_webhook[delivery.webhook_id] = of_webhook.get(delivery.webhook_id, 0) + 1
            taken.append(delivery)
    return taken


def _attempt(delivery: Delivery) -> Attempt:
    """Send one delivery. It is carried out in a thread, and asks no database."""
    webhook, body = delivery.webhook, delivery.body.encode()
    began = time.monotonic()
    try:
        secret = unseal(webhook.sealed_secret, bound_to=place_of_secret(webhook))
        signed = signature_headers(
            secret, message=f"msg_{delivery.pk.hex}", seconds=int(time.time()), body=body
        )
        status = _post(webhook.url, body, {**signed, "Content-Type": "application/json"})
    except EsapError as failure:
        return Attempt(time.monotonic() - began, error=failure.detail)
    except CannotUnseal:
        return Attempt(0.0, error="The secret cannot be read any more. Make a new one.")
    redirects = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    return Attempt(time.monotonic() - began, status, _REDIRECTS if redirects else "")


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Return the status of the answer, whose body is of no interest.

    The address is a user's: it must be public, and a redirect might not be.
    """
    config = BackendConfig(
        id="webhook",
        type="webhook",
        title=f"The webhook at {urlsplit(url).hostname}",
        url=HttpUrl(url),
        timeout=TIMEOUT_SECONDS,
        max_bytes=_ANSWER_BYTES,
        private_network=settings.WEBHOOKS_PRIVATE_NETWORK,
    )
    with open_session(
        config, proxy=settings.OUTBOUND_PROXY, ca_bundle=settings.OUTBOUND_CA_BUNDLE
    ) as session:
        response = session.post(url, data=body, headers=headers, allow_redirects=False, stream=True)
        status = int(response.status_code)
        response.close()
    return status


def _settle(delivery: Delivery, attempt: Attempt) -> None:
    """Note how it went, and when to try again, if so."""
    now = timezone.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as JSON will have it
    tries = [
        *delivery.attempts,
        {
            "time": now.isoformat(),
            "status": attempt.status,
            "error": attempt.error,
            "seconds": round(attempt.seconds, 3),
        },
    ]
    due = None
    if not attempt.is_taken:
        following = now + pause_after(len(tries))
        due = following if following <= delivery.created + PATIENCE else None
    # As claimed: what another pass has taken up since, because this one was so slow, is its own.
    as_claimed = Delivery.objects.filter(pk=delivery.pk, due=delivery.due)
    if as_claimed.update(due=due, attempts=tries, delivered=now if attempt.is_taken else None):
        _note(delivery.webhook, attempt, now, given_up=due is None, since=tries[0]["time"])


def _note(webhook: Webhook, attempt: Attempt, now: datetime, *, given_up: bool, since: str) -> None:
    """Note at the webhook how it goes, and disable it if nobody is there any more."""
    rows = Webhook.objects.filter(pk=webhook.pk)
    if attempt.is_taken:
        rows.exclude(failing_since=None).update(failing_since=None)
        return
    rows.filter(failing_since=None).update(failing_since=now)
    if attempt.status == HTTPStatus.GONE:
        disable(webhook, "It answered 410: nobody is there any more.")
    elif given_up and rows.filter(failing_since__lte=datetime.fromisoformat(since)).exists():
        disable(webhook, "Nothing could be delivered for a day.")
