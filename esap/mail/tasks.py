"""The regular sending of letters."""

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.mail.sending import send_due
from esap.mail.writing import write

__all__ = ["send"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.mail.send", base=DjangoTask)
def send() -> None:
    """Write the letters about what has ended, and send what is due."""
    written, sent = write(), send_due()
    if written or sent:
        logger.info("mail sent", written=written, sent=sent)
