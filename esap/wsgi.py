"""The entry point of the API process."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")
application = get_wsgi_application()

# While many archives answer at once, their threads compute in turns. A short turn lets a request
# for a list in between: its 99th percentile falls to a third (benchmarks/metadata.py).
sys.setswitchinterval(0.0005)
