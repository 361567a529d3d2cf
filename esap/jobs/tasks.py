"""What Celery and the clock know: the message about a job, and what is done every few seconds."""

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.jobs.doorbell import run
from esap.jobs.sweeper import sweep as one_pass
from esap.jobs.turns import ask_peers as begin_turns

__all__ = ["ask_peers", "run", "sweep"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.jobs.sweep", base=DjangoTask)
def sweep() -> None:
    """Find what nobody looked at in time."""
    told = one_pass().told()
    if told:
        logger.info("swept", **told)


@app.task(name="esap.jobs.ask_peers", base=DjangoTask)
def ask_peers() -> None:
    """Ask the peers whose turn has come about their jobs."""
    begin_turns()
