"""Make the embedded catalogues ready, so that the first search does not wait for them."""

from typing import Any

from django.core.management.base import BaseCommand

from query.backends.base import archives

__all__ = ["Command"]


class Command(BaseCommand):
    """`manage.py build_catalogues`: does nothing to those that are ready."""

    help = "Make the embedded catalogues ready, so that the first search does not wait for them."

    def handle(self, *args: Any, **options: Any) -> None:
        for archive in archives.for_gateway():
            if archive.config.type == "embedded":
                archive.ping()
                self.stdout.write(f"{archive.config.title}: ready.")
