"""Remove stored results that belong to no job any more, now."""

from typing import Any

from django.core.management.base import BaseCommand

from esap.results.sweeping import sweep

__all__ = ["Command"]


class Command(BaseCommand):
    """What beat has a worker do every day."""

    help = "Delete the stored results of jobs that are gone."

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, and say whose they were."""
        orphans = sweep()
        for job_id in orphans:
            self.stdout.write(f"Deleted the results of job {job_id}.")
        self.stdout.write(f"{len(orphans)} jobs' results were left over.")
