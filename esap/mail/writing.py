"""From jobs that have ended to letters: written down once, before anything is sent."""

from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from esap.jobs.models import Job, Phase
from esap.mail.models import Letter

__all__ = ["write"]

MOST = 500
"""How many letters one pass writes; the next pass writes the next ones."""

_LONGEST_NAME = 80
_ENDS = {Phase.COMPLETED: "has completed", Phase.ERROR: "has failed", Phase.ABORTED: "was aborted"}


def write() -> int:
    """Write a letter for each job that has ended since its owner asked for one; return how many."""
    written = Letter.objects.filter(job=OuterRef("pk"), round=OuterRef("round"))
    kept = Q(destruction=None) | Q(destruction__gt=timezone.now())
    jobs = Job.objects.filter(kept, ~Exists(written), mail=True, ended__isnull=False)
    letters = [_letter(job) for job in jobs.order_by("ended")[:MOST]]
    return len(Letter.objects.bulk_create(letters, ignore_conflicts=True))


def _letter(job: Job) -> Letter:
    name = _in_one_line(job.run_id or job.kind)[:_LONGEST_NAME]
    ends = _ENDS.get(Phase(job.phase), "has ended")
    lines = [
        f"Your job {name} {ends}.",
        "",
        f"Kind:    {job.kind}",
        f"Phase:   {job.phase}",
        f"Created: {_told(job.created)}",
        f"Ended:   {_told(job.ended)}",
        # The title only: a detail may quote what the user or a peer said, and mail is no secret.
        *([f"Problem: {_in_one_line(str(job.problem.get('title', '')))}"] if job.problem else []),
        "",
        settings.PUBLIC_URL + reverse("job-detail", args=[job.pk]),
        "",
        "You asked for this message at the job. Nobody reads answers to it.",
        "",
    ]
    return Letter(job=job, round=job.round, subject=f"Job {name} {ends}", body="\n".join(lines))


def _in_one_line(text: str) -> str:
    """Leave out what would end a line, or is not to be seen: a name may be anything."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _told(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "-"
