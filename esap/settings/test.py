"""Settings of the test suite: fast, on its own data, no secrets, the shipped entries."""

import os
import tempfile
from pathlib import Path

os.environ.setdefault(
    "ESAP_DATA_DIR", str(Path(tempfile.gettempdir()) / f"esap-tests-{os.getuid()}")
)

from esap.settings.base import *  # noqa: F403
from esap.settings.base import DATABASES

SECRET_KEY = "tests-only"  # noqa: S105
VAULT_KEYS = [SECRET_KEY]
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": None}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = False
WHITENOISE_AUTOREFRESH = True  # static files are not collected for tests
