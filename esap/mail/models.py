"""Letters: what is to be said to the owner of a job that has ended."""

from django.db import models

from esap.jobs.models import Job
from esap.outbox import Outgoing

__all__ = ["Letter"]


class Letter(Outgoing):
    """What is said of one job, once for each time that it ended.

    The address is not kept: it is looked up when the letter is sent.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="letters")
    round = models.PositiveIntegerField(help_text="That of the job: it grows with each retry.")
    subject = models.CharField(max_length=255)
    body = models.TextField()

    class Meta:
        ordering = ("-created", "-id")
        constraints = [
            models.UniqueConstraint(fields=["job", "round"], name="mail_once_for_each_end")
        ]
        indexes = [
            models.Index(fields=["due"], condition=models.Q(due__isnull=False), name="mail_due")
        ]

    def __str__(self) -> str:
        return f"letter about job {self.job_id}"
