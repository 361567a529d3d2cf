"""The shapes of jobs in the API."""

from collections import Counter
from typing import Any, ClassVar
from urllib.parse import quote

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from esap.api.pagination import KeysetQuerySerializer
from esap.jobs.listing import phases_of_parts
from esap.jobs.models import Job, Phase

__all__ = [
    "ChangeSerializer",
    "JobPageSerializer",
    "JobQuerySerializer",
    "JobSerializer",
    "NewJobSerializer",
    "ResultListSerializer",
    "ResultSerializer",
    "ShareSerializer",
    "UsageListSerializer",
    "shown",
]

_MOST_SECONDS = 2**31 - 1


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


class ResultListSerializer(serializers.Serializer[Any]):
    """All that a job made."""

    results = ResultSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class PartsSerializer(serializers.Serializer[Any]):
    """The parts of a job: how many there are, and how many in each phase."""

    total = serializers.IntegerField()
    phases = serializers.DictField(child=serializers.IntegerField())
    url = serializers.URLField(help_text="Where they are listed.")


class JobSerializer(serializers.ModelSerializer[Job]):
    """A job: what was asked, how far it is, and what came of it."""

    phase = serializers.ChoiceField(choices=Phase.values)
    progress = ProgressSerializer(source="*")
    results = serializers.SerializerMethodField()
    problem = serializers.DictField(allow_null=True)
    parameters = serializers.DictField()
    children = serializers.SerializerMethodField()
    shared = serializers.SerializerMethodField()
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
            "waits_for",
            "progress",
            "results",
            "problem",
            "children",
            "created",
            "started",
            "ended",
            "quote",
            "destruction",
            "execution_duration",
            "shared",
            "mail",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_url(self, job: Job) -> str:
        """Return where this job is."""
        return self._absolute(_address(job))

    @extend_schema_field(serializers.URLField())
    def get_events_url(self, job: Job) -> str:
        """Return where the events of this job are streamed, also to who came by a link."""
        path = _address(job).rstrip("/") + "/events"
        return self._absolute(path + _shared(job, path, self.context["share"]))

    @extend_schema_field(ResultSerializer(many=True))
    def get_results(self, job: Job) -> list[dict[str, Any]]:
        """Return what it made; who came by a shared link can follow the links to us."""
        token = self.context["share"]
        return [
            {**result, "link": result["link"] + _shared(job, result["link"], token)}
            for result in job.results
        ]

    @extend_schema_field(PartsSerializer)
    def get_children(self, job: Job) -> dict[str, Any]:
        """Return how many parts are in which phase."""
        phases: Counter[str] = self.context["phases"][job.pk]
        url = self._absolute(f"{reverse('job-list')}?parent={job.pk}")
        return {"total": phases.total(), "phases": dict(phases), "url": url}

    @extend_schema_field(serializers.BooleanField())
    def get_shared(self, job: Job) -> bool:
        """Return whether a link lets others read it."""
        return bool(job.share)

    def _absolute(self, path: str) -> str:
        request: Request = self.context["request"]
        return str(request.build_absolute_uri(path))


def shown(jobs: list[Job], request: Request, *, share: str = "") -> list[dict[str, Any]]:
    """Return jobs as the API shows them, to somebody who may have come by a shared link."""
    context = {"request": request, "phases": phases_of_parts(jobs), "share": share}
    return [JobSerializer(job, context=context).data for job in jobs]


def _address(job: Job) -> str:
    return reverse("job-detail", args=[job.pk])


def _shared(job: Job, link: str, token: str) -> str:
    """Return what lets the link be followed; others' servers are told no token."""
    ours = link.startswith(_address(job).rstrip("/") + "/")
    return f"?share={quote(token)}" if token and ours else ""


class JobQuerySerializer(KeysetQuerySerializer):
    """What the list of jobs can be asked for."""

    kind = serializers.CharField(required=False)
    phase = serializers.ListField(
        child=serializers.ChoiceField(choices=Phase.values),
        required=False,
        help_text="May come more than once: jobs in any of these phases.",
    )
    run_id = serializers.CharField(required=False)
    parent = serializers.UUIDField(  # type: ignore[assignment]  # the field wins
        required=False, help_text="Only the parts of this job."
    )
    parts = serializers.BooleanField(
        required=False, help_text="Parts stand in the list, too, beside what they are part of."
    )
    since = serializers.DateTimeField(required=False, help_text="Created at this time or later.")
    until = serializers.DateTimeField(required=False, help_text="Created before this time.")
    text = serializers.CharField(
        required=False,
        max_length=200,
        help_text="Part of the run_id, the kind, the peer or a parameter, whatever its case.",
    )


class JobPageSerializer(serializers.Serializer[Any]):
    """One page of jobs, and where the next is."""

    results = JobSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """What may be changed of a job."""

    run_id = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="A name of your own for the job."
    )
    execution_duration = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=_MOST_SECONDS,
        help_text="Seconds that it may run; 0 sets no limit. Only before it runs.",
    )
    destruction = serializers.DateTimeField(
        required=False, help_text="When it goes, with its results; the operator sets the latest."
    )
    mail = serializers.BooleanField(
        required=False,
        help_text="Whether you are sent mail when it ends, to the verified address that your "
        "login provider has told; where the operator has set up mail.",
    )


class NewJobSerializer(ChangeSerializer):
    """A job to be carried out."""

    kind = serializers.CharField(help_text="Such as `query.search`.")
    parameters = serializers.DictField(
        required=False, help_text="In the shape that the kind asks for."
    )
    peer = serializers.CharField(
        required=False, max_length=64, help_text="For kinds that run at one of several peers."
    )


class ShareSerializer(serializers.Serializer[Any]):
    """A link by which others may read a job."""

    token = serializers.CharField(help_text="Told this once, and not kept.")
    url = serializers.URLField(help_text="The job, with the token.")


class UsageSerializer(serializers.Serializer[Any]):
    """How much of a limit is used."""

    what = serializers.CharField(help_text="A kind of job, or `jobs` for all of them.")
    running = serializers.IntegerField()
    limit = serializers.IntegerField()
    left = serializers.IntegerField()


class UsageListSerializer(serializers.Serializer[Any]):
    """How much of every limit is used."""

    results = UsageSerializer(many=True)
    next = serializers.URLField(allow_null=True)
