"""Messages that tell workers of work. One may be lost or come twice: the database is the truth."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import structlog
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import ChannelError, OperationalError

from esap.celery import app
from esap.jobs.runner import carry_out

__all__ = ["ring", "run", "waiting_messages"]

logger = structlog.get_logger(__name__)

_ONCE_MORE = {"max_retries": 1, "interval_start": 0}
"""A connection kept since before the broker restarted is found broken only by use."""


@app.task(name="esap.jobs.run", base=DjangoTask)
def run(job_id: str) -> None:
    """Carry out a job, once, however often this is delivered; then it is the turn of others."""
    ring(carry_out(UUID(job_id)))


def ring(job_ids: Iterable[UUID]) -> int:
    """Tell the workers of these jobs; return how many messages went out.

    A broker that takes none is no failure: the sweeper rings again.
    """
    rung = 0
    for job_id in job_ids:
        try:
            run.apply_async(args=(str(job_id),), retry_policy=_ONCE_MORE)
        except Exception as trouble:  # noqa: BLE001 - whatever ails the broker, the job is safe
            logger.warning("the broker takes no message", job=str(job_id), because=str(trouble))
            break
        rung += 1
    return rung


def waiting_messages() -> int | None:
    """Return how many messages wait for workers; None if the broker does not say."""
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0)
            channel: Any = connection.default_channel
            queue = channel.queue_declare(app.conf.task_default_queue, passive=True)
            return int(queue.message_count)
    except ChannelError:
        return 0  # It was never rung, or the broker has forgotten everything.
    except (OperationalError, OSError) as trouble:
        logger.warning("the broker does not answer", because=str(trouble))
        return None
