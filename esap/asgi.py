"""The ASGI application of the events process. The API itself is served by `esap.wsgi`."""

import os

# Settings differ a little between the two processes, so this comes before Django is asked.
os.environ["ESAP_PROCESS"] = "events"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")

import django

django.setup(set_prefix=False)

from esap.events.application import events_application  # noqa: E402 - it needs Django set up

application = events_application()
