"""Sending what is due, at least once each, for up to a day."""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.utils import timezone
from pydantic import HttpUrl

from esap.backends.base import BackendConfig
from esap.backends.http import open_session
from esap.errors import EsapError
from esap.outbox import Attempt, claim, settle
from esap.vault import CannotUnseal, unseal
from esap.webhooks.models import Delivery, Webhook
from esap.webhooks.services import disable, place_of_secret
from esap.webhooks.signing import signature_headers

__all__ = ["deliver_due", "forget"]

logger = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 10.0
MOST_AT_ONCE = 16
MOST_A_PASS = 160
MOST_A_WEBHOOK = 16
"""So that one slow receiver keeps no other waiting for long."""

_ANSWER_BYTES = 4096
_REDIRECTS = "It redirects, which is not followed. Give the address that it leads to."


def deliver_due() -> int:
    """Send what is due now; return how much was delivered.

    Each is claimed first, so that two passes do not send the same.
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


def _claimed() -> list[Delivery]:
    return claim(
        Delivery.objects.select_related("webhook"),
        most=MOST_A_PASS,
        of=lambda delivery: delivery.webhook_id,
        most_of_one=MOST_A_WEBHOOK,
    )


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
    if settle(delivery, attempt):
        _note(delivery, attempt, delivery.attempts)


def _note(delivery: Delivery, attempt: Attempt, tries: Sequence[Mapping[str, Any]]) -> None:
    """Note at the webhook how it goes, and disable it if nobody is there any more."""
    webhook = delivery.webhook
    rows = Webhook.objects.filter(pk=webhook.pk)
    if attempt.is_taken:
        rows.exclude(failing_since=None).update(failing_since=None)
        return
    now, since = (datetime.fromisoformat(one["time"]) for one in (tries[-1], tries[0]))
    rows.filter(failing_since=None).update(failing_since=now)
    if attempt.status == HTTPStatus.GONE:
        disable(webhook, "It answered 410: nobody is there any more.")
    elif delivery.due is None and rows.filter(failing_since__lte=since).exists():
        disable(webhook, "Nothing could be delivered for a day.")
