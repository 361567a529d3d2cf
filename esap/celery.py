"""The Celery application of the worker and of beat: `celery -A esap.celery worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready

__all__ = ["app"]

_FIRST_PING_LIFE = 60

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")

app = Celery("esap")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_kwargs: Any) -> None:
    """Leave logging as settings configured it; Celery would put its own in place."""


@worker_ready.connect
def ping_at_once(**_kwargs: Any) -> None:
    """Fill the health matrix at the start; beat's first ping comes only after a whole interval."""
    app.send_task("esap.health.ping_peers", expires=_FIRST_PING_LIFE)
