"""The shape of a job in the API."""

from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from esap.api.pagination import KeysetQuerySerializer
from esap.jobs.models import Job, Phase

__all__ = ["JobPageSerializer", "JobQuerySerializer", "JobSerializer"]


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a job has come."""

    fraction = serializers.FloatField(source="progress_fraction", allow_null=True)
    sentence = serializers.CharField(source="progress_sentence")


class ResultSerializer(serializers.Serializer[Any]):
    """One thing that a job made."""

    name = serializers.CharField()
    media_type = serializers.CharField()
    link = serializers.CharField()
    size = serializers.IntegerField(allow_null=True)


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job: what was asked, how far it is, and what came of it."""

    phase = serializers.ChoiceField(choices=Phase.values)
    progress = ProgressSerializer(source="*")
    results = ResultSerializer(many=True)
    problem = serializers.DictField(allow_null=True)
    parameters = serializers.DictField()
    url = serializers.SerializerMethodField()
    events_url = serializers.SerializerMethodField()

    class Meta:
        model = Job
        fields: ClassVar = [
            "id",
            "url",
            "events_url",
            "kind",
            "phase",
            "run_id",
            "parent",
            "parameters",
            "peer",
            "remote_id",
            "progress",
            "results",
            "problem",
            "created",
            "started",
            "ended",
            "destruction",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_url(self, job: Job) -> str:
        """Return where this job is."""
        return self._absolute(reverse("job-detail", args=[job.pk]))

    @extend_schema_field(serializers.URLField())
    def get_events_url(self, job: Job) -> str:
        """Return where the events of this job are streamed."""
        return self._absolute(reverse("job-detail", args=[job.pk]).rstrip("/") + "/events")

    def _absolute(self, path: str) -> str:
        request = self.context.get("request")
        return str(request.build_absolute_uri(path)) if request else path


class JobQuerySerializer(KeysetQuerySerializer):
    """What the list of jobs can be asked for."""

    kind = serializers.CharField(required=False)
    phase = serializers.ChoiceField(choices=Phase.values, required=False)
    run_id = serializers.CharField(required=False)
    parent = serializers.UUIDField(required=False)  # type: ignore[assignment]  # the field wins


class JobPageSerializer(serializers.Serializer[Any]):
    """One page of jobs, and where the next is."""

    results = JobSerializer(many=True)
    next = serializers.URLField(allow_null=True)
