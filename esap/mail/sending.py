"""Sending the letters that are due, over one connection, for up to a day each."""

import time
from email.utils import parseaddr
from http import HTTPStatus
from smtplib import (
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.module_loading import import_string

from esap.mail.models import Letter
from esap.outbox import Attempt, claim, release, settle

__all__ = ["send_due"]

logger = structlog.get_logger(__name__)

MOST_A_PASS = 100
_LONGEST = 200
_GOES_AWAY = 421
"""The server ends the connection (RFC 5321, section 3.8)."""


def send_due() -> int:
    """Send what is due now; return how much the mail server has taken.

    A server that is away, or goes away, is asked no more in this pass: what was not tried keeps its
    turn.
    """
    letters = claim(Letter.objects.select_related("job__owner"), most=MOST_A_PASS)
    if not letters:
        return 0
    began = time.monotonic()
    connection = get_connection(**settings.MAIL_SERVER)
    try:
        connection.open()
        return _sent(letters, connection)
    except (OSError, SMTPException) as trouble:
        logger.warning("the mail server does not take mail", because=_said(trouble))
        attempt = _failed(trouble, began)
        for letter in letters:
            settle(letter, attempt)
        return 0
    finally:
        connection.close()


def _sent(letters: list[Letter], connection: Any) -> int:
    taken = 0
    waiting = iter(letters)
    for letter in waiting:
        began = time.monotonic()
        try:
            attempt = _attempt(letter, connection)
            left = attempt.status == _GOES_AWAY
        except (OSError, SMTPServerDisconnected) as trouble:
            attempt, left = _failed(trouble, began), True
        settle(letter, attempt)
        taken += attempt.is_taken
        if left:
            break
    for untried in waiting:
        release(untried)
    return taken


def _attempt(letter: Letter, connection: Any) -> Attempt:
    began = time.monotonic()
    verified_email = import_string(settings.VERIFIED_EMAIL)
    address = verified_email(letter.job.owner)
    if not address:
        return Attempt(
            0.0, error="Its owner has no verified address, or is not active.", final=True
        )
    message = EmailMessage(
        letter.subject,
        letter.body,
        settings.MAIL_FROM,
        to=[address],
        headers={
            # Who is sent it twice, because the answer to the first got lost, can tell.
            "Message-ID": f"<{letter.pk}@{_domain()}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834, section 5
        },
        connection=connection,
    )
    try:
        message.send()
    except SMTPServerDisconnected:
        raise
    except (SMTPException, ValueError) as refusal:
        return _failed(refusal, began, final=_is_final(refusal))
    return Attempt(time.monotonic() - began, HTTPStatus.OK)


def _failed(trouble: Exception, began: float, *, final: bool = False) -> Attempt:
    return Attempt(time.monotonic() - began, _code(trouble), _said(trouble), final)


def _is_final(refusal: Exception) -> bool:
    """Say whether this letter will never be taken; what the operator can mend is tried again."""
    if isinstance(refusal, ValueError):  # no address that a header may hold
        return True
    return not isinstance(refusal, SMTPSenderRefused) and (_code(refusal) or 0) // 100 == 5  # noqa: PLR2004 - RFC 5321, section 4.2.1


def _code(trouble: Exception) -> int | None:
    match trouble:
        case SMTPRecipientsRefused():
            return max(code for code, _ in trouble.recipients.values())
        case SMTPResponseException():
            return int(trouble.smtp_code)
    return None


def _said(trouble: Exception) -> str:
    """Return what an operator should read: of an answer its code, and no address."""
    code = _code(trouble)
    if code is not None:
        return f"The mail server refused it with {code}."
    if isinstance(trouble, TimeoutError) or isinstance(trouble.__context__, TimeoutError):
        return "The mail server took too long to answer."
    return f"The mail server cannot be spoken to: {trouble}"[:_LONGEST]


def _domain() -> str:
    return parseaddr(settings.MAIL_FROM)[1].rpartition("@")[2] or "localhost"
