"""The audit log: one call writes down what was done in somebody's name."""

from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from accounts.actions import Action
from accounts.models import AuditEvent, User
from esap.api.in_flight import caller_address

__all__ = ["drop_old", "job_aborted", "record"]

logger = structlog.get_logger("esap.audit")


def record(
    action: Action,
    user: User | None,
    *,
    request: HttpRequest | Request | None = None,
    **detail: Any,
) -> None:
    """Write down what was done; `detail` must hold no secret.

    It is in the caller's transaction: what is undone was not done.
    """
    context = structlog.contextvars.get_contextvars()
    AuditEvent.objects.create(
        user=user,
        username=user.get_username() if user else "",
        action=action.value,
        detail=detail,
        address=caller_address(request) if request is not None else "",
        request_id=str(context.get("request_id", "")),
    )
    logger.info("audit", action=action.value, user=user.pk if user else None, **detail)


def job_aborted(owner: User | None, *, by: User, request: HttpRequest, job: str) -> None:
    """Write down that an operator aborted a job. The platform finds this by settings.JOB_AUDIT."""
    record(Action.JOB_ABORTED, owner, request=request, by=by.pk, job=job)


def drop_old() -> int:
    """Delete what is older than ESAP_AUDIT_DAYS; return how many."""
    oldest = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    dropped, _ = AuditEvent.objects.filter(time__lt=oldest).delete()
    return dropped
