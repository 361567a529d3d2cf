"""The Celery application of the worker: `celery -A esap.celery worker`."""

import os
import signal
import sys
from typing import Any, NoReturn

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from kombu.transport import TRANSPORT_ALIASES

__all__ = ["app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")

TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), "esap.broker:Transport"))

app = Celery("esap")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_kwargs: Any) -> None:
    """Leave logging as settings configured it; Celery would put its own in place."""


@worker_process_init.connect
def end_by_an_exception(**_kwargs: Any) -> None:
    """Let a process of the pool that is told to end give its job back, instead of just dying."""
    signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)
