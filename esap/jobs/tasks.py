"""What Celery knows: the messages of the doorbell, and the sweeper's pass."""

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.jobs.doorbell import follow, run
from esap.jobs.sweeper import sweep as one_pass

__all__ = ["follow", "run", "sweep"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.jobs.sweep", base=DjangoTask)
def sweep() -> None:
    """Find what nobody looked at in time."""
    told = one_pass().told()
    if told:
        logger.info("swept", **told)
