"""What is removed: the results of jobs that are gone, and what was never finished."""

from collections.abc import Sequence
from uuid import UUID

from esap.jobs.models import Job
from esap.results.storage import delete_results, folders, forget_old_drafts

__all__ = ["delete_results_of", "sweep"]

_AT_ONCE = 500


def delete_results_of(jobs: Sequence[Job]) -> None:
    """Delete all that is stored of these jobs (an ending in `JOB_ENDINGS`)."""
    for job in jobs:
        delete_results(job.pk)


def sweep() -> list[UUID]:
    """Delete the results of jobs that are gone without an ending; return which jobs' they were.

    Such as those of a user who was deleted, or of a worker that wrote on after the end. A job is
    in the database before anything is stored of it, so none that has just begun is met.
    """
    forget_old_drafts()
    orphans: list[UUID] = []
    stored = folders()
    for start in range(0, len(stored), _AT_ONCE):
        some = stored[start : start + _AT_ONCE]
        there = set(Job.objects.filter(pk__in=some).values_list("pk", flat=True))
        orphans += [job_id for job_id in some if job_id not in there]
    for job_id in orphans:
        delete_results(job_id)
    return orphans
