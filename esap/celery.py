"""The Celery application of the worker and of beat: `celery -A esap.celery worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

__all__ = ["app"]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")

app = Celery("esap")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_kwargs: Any) -> None:
    """Leave logging as settings configured it; Celery would put its own in place."""
