"""The shapes of the health answers."""

from typing import Any

from rest_framework import serializers

from esap.health.models import State

__all__ = ["HealthMatrixSerializer", "ReadySerializer", "StatusSerializer", "WorkSerializer"]


class StatusSerializer(serializers.Serializer[Any]):
    """All is well."""

    status = serializers.ChoiceField(choices=["ok"])
    version = serializers.CharField()


class ReadySerializer(StatusSerializer):
    """The gateway serves."""

    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text="What keeps jobs from being carried out, and what to do: sentences.",
    )


class WorkSerializer(StatusSerializer):
    """Jobs are carried out."""

    workers = serializers.IntegerField(help_text="How many live.")
    clock_seen = serializers.FloatField(
        allow_null=True, help_text="Seconds since the clock's last sign of life."
    )
    waiting_messages = serializers.IntegerField(
        allow_null=True, help_text="How many messages wait at the broker."
    )
    oldest_waiting = serializers.FloatField(
        allow_null=True,
        help_text="Seconds that the oldest job has waited for a worker; null if none waits.",
    )


class PeerHealthSerializer(serializers.Serializer[Any]):
    """One peer: what it is, and how it was when last asked."""

    id = serializers.CharField()
    room = serializers.CharField()
    section = serializers.CharField()
    type = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=State.values)
    latency = serializers.FloatField(allow_null=True, help_text="Seconds that the ping took.")
    checked = serializers.DateTimeField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    last_error_at = serializers.DateTimeField(allow_null=True)
    breaker = serializers.CharField(
        help_text="Of the process that pings: `closed`; `open` while calls are refused at once; "
        "`half-open` when one call may try; empty before the first ping."
    )


class HealthMatrixSerializer(serializers.Serializer[Any]):
    """Every peer."""

    results = PeerHealthSerializer(many=True)
