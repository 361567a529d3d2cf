"""The one task that carries out every kind of job."""

from uuid import UUID

from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.jobs.runner import carry_out

__all__ = ["run"]


@app.task(name="esap.jobs.run", base=DjangoTask)
def run(job_id: str) -> None:
    """Carry out a job, once, however often this is delivered."""
    carry_out(UUID(job_id))
