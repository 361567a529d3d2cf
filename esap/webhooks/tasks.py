"""The regular sending of what happened."""

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.webhooks.collecting import collect
from esap.webhooks.delivering import deliver_due, forget

__all__ = ["send"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.webhooks.send", base=DjangoTask)
def send() -> None:
    """Write down what is to be told, send what is due, and forget what is long past."""
    found, delivered = collect(), deliver_due()
    if found or delivered:
        logger.info("webhooks told", found=found, delivered=delivered)
    forget()
