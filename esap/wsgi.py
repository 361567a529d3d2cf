"""The entry point of the API process."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")
application = get_wsgi_application()
