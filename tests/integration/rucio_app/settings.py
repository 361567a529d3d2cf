"""Settings of the real processes that the tests kill: real queues, and the room's own kinds."""

from esap.settings.test import *  # noqa: F403

CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 0.2
