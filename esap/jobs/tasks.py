"""The one task that carries out every kind of job."""

from uuid import UUID

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.jobs.moves import destroy_due
from esap.jobs.runner import carry_out

__all__ = ["destroy", "run"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.jobs.run", base=DjangoTask)
def run(job_id: str) -> None:
    """Carry out a job, once, however often this is delivered."""
    carry_out(UUID(job_id))


@app.task(name="esap.jobs.destroy", base=DjangoTask)
def destroy() -> None:
    """Delete the jobs whose time has come."""
    destroyed = destroy_due()
    if destroyed:
        logger.info("jobs destroyed", count=destroyed)
