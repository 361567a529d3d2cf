"""What the last ping of each peer found."""

from django.db import models

__all__ = ["PeerHealth", "State"]


class State(models.TextChoices):
    """How a peer is."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"


class PeerHealth(models.Model):
    """How one peer was when it was last asked.

    The last error stays when the peer is well again, with its time: an archive that fails every
    night should be seen to.
    """

    room = models.CharField(max_length=64)
    section = models.CharField(max_length=64)
    peer = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.UNKNOWN)
    latency = models.FloatField(null=True, help_text="Seconds that the ping took.")
    checked = models.DateTimeField()
    breaker = models.CharField(max_length=16, blank=True)
    last_error = models.TextField(blank=True)
    last_error_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "peer health"
        ordering = ("room", "section", "peer")
        constraints = [
            models.UniqueConstraint(fields=["room", "section", "peer"], name="health_one_per_peer")
        ]

    def __str__(self) -> str:
        return f"{self.peer}: {self.state}"
