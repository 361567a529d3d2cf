"""The periodic task that lets go of what is kept of people for a time only."""

import structlog
from celery.contrib.django.task import DjangoTask
from django.core.management import call_command

from accounts.api_tokens.services import drop_ended
from accounts.audit import drop_old
from accounts.baskets.services import purge_visitors
from accounts.tokens import drop_unused
from esap.celery import app

__all__ = ["purge"]

logger = structlog.get_logger(__name__)


@app.task(name="accounts.purge", base=DjangoTask)
def purge() -> None:
    """Delete old lines of the audit log, what visitors left behind, and what has ended."""
    call_command("clearsessions")
    logger.info(
        "purged",
        audit_events=drop_old(),
        baskets=purge_visitors(),
        api_tokens=drop_ended(),
        logins=drop_unused(),
    )
