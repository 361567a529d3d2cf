"""What is told of data lakes and stagings: the shapes of answers."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from esap.jobs.serializers import JobSerializer
from rucio_app.links import links_of_did, url_of, url_of_did

__all__ = [
    "DidPageSerializer",
    "DidSerializer",
    "EstimateSerializer",
    "ExtendedSerializer",
    "FatePageSerializer",
    "FilePageSerializer",
    "LakeListSerializer",
    "LakeSerializer",
    "OneDidSerializer",
    "RulePageSerializer",
    "StagingJobPageSerializer",
    "StagingJobSerializer",
    "TreePageSerializer",
    "UploadedSerializer",
]


class FacilitySerializer(serializers.Serializer[Any]):
    """A place to compute, whose storage can be staged to."""

    id = serializers.CharField()
    title = serializers.CharField()
    rse_expression = serializers.CharField()
    mount_path = serializers.CharField(help_text="Where it mounts the storage; empty if nowhere.")


class LakeSerializer(serializers.Serializer[Any]):
    """A data lake that can be looked into and staged from."""

    id = serializers.CharField()
    title = serializers.CharField()
    url = serializers.URLField(help_text="Where it is here: what it offers is below.")
    facilities = FacilitySerializer(many=True)
    lifetime = serializers.IntegerField(help_text="Seconds that data stay, unless you say.")
    longest_lifetime = serializers.IntegerField()
    most_copies = serializers.IntegerField()
    anyone_reads = serializers.BooleanField(help_text="Whether one can look around without login.")
    links = serializers.DictField(child=serializers.URLField(), help_text="What it offers.")


class LakeListSerializer(serializers.Serializer[Any]):
    """All data lakes."""

    results = LakeSerializer(many=True)


class LinkedSerializer(serializers.Serializer[Any]):
    """A DID with the address of its page; the context has the `request` and the `lake`'s id."""

    url = serializers.SerializerMethodField()

    @extend_schema_field(serializers.URLField())
    def get_url(self, did: Any) -> str:
        """Return where it is told of."""
        return url_of_did(self.context["request"], self.context["lake"], did.scope, did.name)


class DidSerializer(LinkedSerializer):
    """A file, a dataset or a container."""

    scope = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="Bytes; null where not added up.")
    files = serializers.IntegerField(allow_null=True)
    adler32 = serializers.CharField(allow_null=True)
    md5 = serializers.CharField(allow_null=True)
    account = serializers.CharField(allow_null=True)
    open = serializers.BooleanField(allow_null=True)


class OneDidSerializer(serializers.Serializer[Any]):
    """A DID with all that is known of it."""

    did = DidSerializer()
    metadata = serializers.DictField()
    links = serializers.SerializerMethodField()

    @extend_schema_field(serializers.DictField(child=serializers.URLField()))
    def get_links(self, found: Any) -> dict[str, str]:
        """Return where one can go from there."""
        did, context = found["did"], self.context
        return links_of_did(context["request"], context["lake"], did.type, did.scope, did.name)


class PageSerializer(serializers.Serializer[Any]):
    """A page; `count` are those read, and all there are if `complete`."""

    count = serializers.IntegerField()
    complete = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)


class DidPageSerializer(PageSerializer):
    """A page of DIDs."""

    results = DidSerializer(many=True)


class NodeSerializer(LinkedSerializer):
    """A DID in the tree below a collection."""

    scope = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    level = serializers.IntegerField(help_text="1 for what is directly in the collection.")
    within = serializers.CharField(help_text="`scope:name` of what it is directly in.")


class TreePageSerializer(PageSerializer):
    """A page of a tree, depth first."""

    results = NodeSerializer(many=True)


class ReplicaSerializer(serializers.Serializer[Any]):
    """A replica of a file."""

    rse = serializers.CharField()
    state = serializers.CharField()
    links = serializers.ListField(child=serializers.CharField())
    path = serializers.CharField(help_text="Where the facility mounts it; empty if unknown.")


class FileSerializer(serializers.Serializer[Any]):
    """A file with its replicas."""

    scope = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    adler32 = serializers.CharField(allow_null=True)
    md5 = serializers.CharField(allow_null=True)
    replicas = ReplicaSerializer(many=True)


class FilePageSerializer(PageSerializer):
    """A page of files."""

    results = FileSerializer(many=True)


class RuleSerializer(serializers.Serializer[Any]):
    """A replication rule."""

    url = serializers.SerializerMethodField()
    id = serializers.CharField()
    scope = serializers.CharField()
    name = serializers.CharField()
    account = serializers.CharField()
    state = serializers.CharField()
    rse_expression = serializers.CharField()
    copies = serializers.IntegerField()
    ok = serializers.IntegerField()
    replicating = serializers.IntegerField()
    stuck = serializers.IntegerField()
    error = serializers.CharField(allow_null=True)
    comment = serializers.CharField()
    activity = serializers.CharField(allow_null=True)
    created = serializers.DateTimeField(allow_null=True)
    updated = serializers.DateTimeField(allow_null=True)
    expires = serializers.DateTimeField(allow_null=True)
    stuck_since = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.URLField())
    def get_url(self, rule: Any) -> str:
        """Return where it is told with its locks."""
        return url_of(self.context["request"], "lake-rule", self.context["lake"], rule.id)


class RulePageSerializer(PageSerializer):
    """A page of rules."""

    results = RuleSerializer(many=True)


class RoomSerializer(serializers.Serializer[Any]):
    """A storage element that the selection could go to."""

    rse = serializers.CharField()
    free = serializers.IntegerField(allow_null=True, help_text="Bytes of quota; null is no limit.")
    there = serializers.IntegerField(help_text="Bytes of the selection that are there already.")


class EstimateSerializer(serializers.Serializer[Any]):
    """What a staging would take."""

    account = serializers.CharField()
    files = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes.")
    to_copy = serializers.IntegerField(help_text="Bytes that still have to come.")
    rooms = RoomSerializer(many=True)
    fits = serializers.IntegerField(help_text="How many of these elements have room for it.")


class StagingJobSerializer(JobSerializer):
    """A staging as a job, and where its files are told of."""

    files_url = serializers.SerializerMethodField(
        help_text="Where each file is, with link and path, as far as it has come."
    )

    class Meta(JobSerializer.Meta):
        fields: ClassVar = [*JobSerializer.Meta.fields, "files_url"]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_files_url(self, job: Any) -> str:
        """Return where its files are told of."""
        return url_of(self.context["request"], "staging-files", job.pk)


class StagingJobPageSerializer(serializers.Serializer[Any]):
    """One page of stagings, and where the next is."""

    results = StagingJobSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class FateSerializer(serializers.Serializer[Any]):
    """What became of one DID of a staging, and where its files are."""

    part = serializers.UUIDField()
    did = serializers.CharField()
    phase = serializers.CharField()
    rule = serializers.CharField(help_text="The id of the rule at the lake; empty if none yet.")
    sentence = serializers.CharField()
    problem = serializers.DictField(allow_null=True)
    files = FileSerializer(many=True)
    complete = serializers.BooleanField(help_text="Whether these are all its files.")


class FatePageSerializer(serializers.Serializer[Any]):
    """A page of parts."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    results = FateSerializer(many=True)


class ExtensionOfPartSerializer(serializers.Serializer[Any]):
    """Whether one part stays longer, or why not."""

    did = serializers.CharField()
    rule = serializers.CharField()
    extended = serializers.BooleanField()
    detail = serializers.CharField()


class ExtendedSerializer(serializers.Serializer[Any]):
    """What became of an extension, part by part."""

    results = ExtensionOfPartSerializer(many=True)


class UploadedSerializer(serializers.Serializer[Any]):
    """A file that is in the lake now."""

    scope = serializers.CharField(source="file.item.scope")
    name = serializers.CharField(source="file.item.name")
    size = serializers.IntegerField(source="file.size", help_text="In bytes.")
    adler32 = serializers.CharField(source="file.adler32")
    md5 = serializers.CharField(source="file.md5")
    rse = serializers.CharField()
    dataset = serializers.CharField()
    rule = serializers.CharField(help_text="The rule that keeps it there.")
    lifetime = serializers.IntegerField(help_text="Seconds for which it does.")
