"""The daily removal of results that belong to no job any more."""

import structlog
from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.results.sweeping import sweep as swept

__all__ = ["sweep"]

logger = structlog.get_logger(__name__)


@app.task(name="esap.results.sweep", base=DjangoTask)
def sweep() -> None:
    """Delete the results of jobs that are gone."""
    orphans = swept()
    if orphans:
        logger.info("orphaned results deleted", jobs=len(orphans))
