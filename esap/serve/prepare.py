"""Make ready what the gateway serves from: database, static files, embedded catalogues."""

import io
import os
import sys
import time

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, get_commands
from django.core.management.base import CommandError

__all__ = ["prepare"]


def prepare() -> None:
    """Bring everything up to date; quick when it is already."""
    django.setup()
    call_command("check", stdout=io.StringIO())  # silent when all is well
    for title, command in {
        "database": "migrate",
        "static files": "collectstatic",
        "catalogues": "build_catalogues",
    }.items():
        if command in get_commands():
            started = time.monotonic()
            options = {} if command == "build_catalogues" else {"interactive": False}
            call_command(command, verbosity=0, **options)
            print(f"{title} ready ({time.monotonic() - started:.1f} s)", flush=True)  # noqa: T201


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "esap.settings.dev")
    try:
        prepare()
    except (CommandError, ImproperlyConfigured) as error:
        # SystemCheckError, the most likely, names the entry, its line and the mend.
        sys.exit(str(error))
