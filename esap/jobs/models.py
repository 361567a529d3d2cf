"""What is kept of a job: the job as it stands, and the events that led there."""

import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

__all__ = ["ENDED", "UNFINISHED", "Event", "Job", "Phase"]


class Phase(models.TextChoices):
    """The phases of an IVOA UWS 1.1 job (section 2.1.3)."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"
    UNKNOWN = "UNKNOWN"


ENDED = (Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.ARCHIVED)
UNFINISHED = tuple(phase for phase in Phase if phase not in ENDED)


class Job(models.Model):
    """A piece of work that outlives the request that asked for it.

    Only `esap.jobs.moves` changes a row. A job without an owner belongs to whoever knows its id.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=64)
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.PENDING)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="jobs",
    )
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    run_id = models.CharField(
        max_length=64, blank=True, help_text="A name the caller gave the job (UWS runId)."
    )
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    peer = models.CharField(max_length=64, blank=True)
    remote_id = models.CharField(max_length=255, blank=True)
    progress_fraction = models.FloatField(null=True, blank=True)
    progress_sentence = models.CharField(max_length=255, blank=True)
    results = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    problem = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    destruction = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created", "-id")
        indexes = [
            models.Index(fields=["owner", "-created", "-id"], name="jobs_job_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} [{self.phase}]"


class Event(models.Model):
    """One thing that happened to a job; never changed.

    Ids of one job's events grow in the order in which the events became visible, because whoever
    writes one holds the job's row. Across jobs that is not promised.
    """

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    name = models.CharField(max_length=32)
    data = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    time = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        indexes = [models.Index(fields=["job", "id"], name="jobs_event_by_job")]

    def __str__(self) -> str:
        return f"{self.name} of job {self.job_id}"
