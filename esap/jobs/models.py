"""What is kept of a job: the job as it stands, the events that led there, and who is at it."""

import uuid

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

__all__ = ["ENDED", "UNFINISHED", "Event", "IdempotencyKey", "Job", "Phase", "Watch"]


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

    Only `esap.jobs` changes a row, and only by `esap.jobs.moves` its phase. A job without an owner
    belongs to whoever knows its id.
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
        "self",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="children",
        db_index=False,  # jobs_job_parts serves
    )
    gathers = models.BooleanField(
        default=False,
        help_text="It does no work of its own: phase, progress and times follow its children's.",
    )
    run_id = models.CharField(
        max_length=64, blank=True, help_text="A name the caller gave the job (UWS runId)."
    )
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    uws_parameters = models.JSONField(
        null=True, blank=True, help_text="Names and texts as they came, if they came by UWS."
    )

    peer = models.CharField(max_length=64, blank=True)
    remote_id = models.CharField(max_length=255, blank=True)
    submitting = models.DateTimeField(
        null=True, blank=True, help_text="When we began to hand it to the peer."
    )
    waits_for = models.CharField(
        max_length=255, blank=True, help_text="A sentence, when it waits for more than its turn."
    )

    progress_fraction = models.FloatField(null=True, blank=True)
    progress_sentence = models.CharField(max_length=255, blank=True)
    results = models.JSONField(default=list, encoder=DjangoJSONEncoder)
    problem = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)

    created = models.DateTimeField(default=timezone.now, editable=False)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)
    destruction = models.DateTimeField(null=True, blank=True)
    execution_duration = models.PositiveIntegerField(
        default=0, help_text="Seconds that it may run; 0 sets no limit (UWS executionDuration)."
    )
    quote = models.DateTimeField(
        null=True, blank=True, help_text="When it is expected to end (UWS quote)."
    )

    round = models.PositiveIntegerField(default=1, help_text="Grows with each retry.")
    attempt = models.PositiveIntegerField(
        default=0, help_text="How often a worker has begun it in this round."
    )
    lease = models.UUIDField(
        null=True, blank=True, help_text="Held by whoever carries it out; only they may write."
    )
    due = models.DateTimeField(
        null=True, blank=True, help_text="When the sweeper looks at it, if nobody did before."
    )
    silent = models.BooleanField(
        default=False, help_text="Its lease was found ended, and is looked at once more."
    )
    mail = models.BooleanField(
        default=False,
        db_default=False,  # for processes of the version before, which do not know it
        help_text="Whether its owner is sent mail when it ends.",
    )
    share = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the token that lets others read it."
    )

    class Meta:
        ordering = ("-created", "-id")
        indexes = [
            models.Index(fields=["owner", "-created", "-id"], name="jobs_job_newest_first"),
            models.Index(fields=["parent", "phase"], name="jobs_job_parts"),
            models.Index(fields=["destruction"], name="jobs_job_destruction"),
            # `IS NULL` and not a list of phases: SQLite uses a partial index only for a condition
            # that has no parameters.
            models.Index(
                fields=["due"], condition=models.Q(due__isnull=False), name="jobs_job_due"
            ),
            models.Index(fields=["ended"], condition=models.Q(mail=True), name="jobs_job_mail"),
            models.Index(
                fields=["owner", "kind"],
                condition=models.Q(ended__isnull=True),
                name="jobs_job_in_flight",
            ),
            models.Index(
                fields=["peer", "kind"],
                condition=models.Q(ended__isnull=True),
                name="jobs_job_at_peer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id} [{self.phase}]"

    @property
    def mark(self) -> str:
        """What to write on the remote job, so that it is found again: ours alone, of this round."""
        return str(self.pk) if self.round == 1 else f"{self.pk}.{self.round}"


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


class IdempotencyKey(models.Model):
    """A request that made a job, so that the same request finds it again."""

    id = models.BigAutoField(primary_key=True)
    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was asked.")
    job = models.ForeignKey(Job, null=True, on_delete=models.CASCADE, related_name="+")
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="jobs_key_once_per_caller")
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.caller}"


class Watch(models.Model):
    """Whose turn it is to ask a peer about its jobs, and when the next turn is."""

    id = models.BigAutoField(primary_key=True)
    follower = models.CharField(max_length=64)
    peer = models.CharField(max_length=64)
    due = models.DateTimeField(
        null=True, db_index=True, help_text="The next turn; none while no job is there."
    )
    pause = models.FloatField(default=0.0, help_text="Seconds between the last two turns.")
    lease = models.UUIDField(null=True, help_text="Held by whoever asks just now.")
    lease_until = models.DateTimeField(null=True)
    away_since = models.DateTimeField(null=True, help_text="When the peer first did not answer.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["follower", "peer"], name="jobs_watch_once_per_peer")
        ]

    def __str__(self) -> str:
        return f"{self.follower} at {self.peer}"
