"""A link by which others may read a job: whoever has its token."""

import hashlib
import secrets

from esap.jobs.models import Job

__all__ = ["is_shared_with", "share", "unshare"]


def share(job: Job) -> str:
    """Return a new token that lets its holder read the job and its parts; older ones end.

    It is shown once: what is kept is its SHA-256, and a plain hash is enough for 256 random bits.
    """
    token = secrets.token_urlsafe(32)
    Job.objects.filter(pk=job.pk).update(share=_digest(token))
    return token


def unshare(job: Job) -> None:
    """End the link."""
    Job.objects.filter(pk=job.pk).update(share="")


def is_shared_with(job: Job, token: str) -> bool:
    """Say whether the token lets its holder read the job, by itself or by a job that it is of."""
    digest = _digest(token)
    one: Job | None = job
    while token and one is not None:
        if one.share and secrets.compare_digest(one.share, digest):
            return True
        one = one.parent
    return False


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
