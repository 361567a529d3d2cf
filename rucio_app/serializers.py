"""The shapes that cross the data lake API."""

from functools import partial
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

__all__ = [
    "AskedDidsSerializer",
    "DidPageSerializer",
    "DidQuerySerializer",
    "DidSerializer",
    "EstimateSerializer",
    "ExtendedSerializer",
    "ExtensionSerializer",
    "FatePageSerializer",
    "FilePageSerializer",
    "LakeListSerializer",
    "LakeSerializer",
    "OneDidSerializer",
    "PagedQuerySerializer",
    "ReplicaQuerySerializer",
    "RulePageSerializer",
    "RuleQuerySerializer",
    "SelectionSerializer",
    "StagingSerializer",
    "TreePageSerializer",
    "UploadSerializer",
    "UploadedSerializer",
]

NameField = partial(serializers.CharField, trim_whitespace=False)
"""A name of a DID: a space at its end is part of it."""
TYPES = ("all", "collection", "dataset", "container", "file")


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


class LakeListSerializer(serializers.Serializer[Any]):
    """All data lakes."""

    results = LakeSerializer(many=True)


class PagedQuerySerializer(serializers.Serializer[Any]):
    """Which part of a list is wanted."""

    page = serializers.IntegerField(required=False, min_value=1, default=1)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=500, default=50)


@extend_schema_field(OpenApiTypes.STR)
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """Metadata to look for, as the text of a JSON object with plain values.

    By orjson, which refuses what Rucio cannot be told (infinity) and what breaks Python's own
    parser (nesting without end). Rucio compares with plain values only.
    """

    default_error_messages = {
        "invalid": 'Send a JSON object with plain values, such as {{"telescope": "LOFAR"}}.'
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the names and values."""
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.fail("invalid")
        if not isinstance(value, dict) or any(isinstance(v, dict | list) for v in value.values()):
            self.fail("invalid")
        return value

    def to_representation(self, value: Any) -> Any:
        """Return the value as it is."""
        return value


class DidQuerySerializer(PagedQuerySerializer):
    """What is looked for in a scope."""

    scope = serializers.CharField(help_text="The scope to look in.")
    name = NameField(
        required=False, allow_blank=True, default="", help_text="The name; `*` stands for anything."
    )
    type = serializers.ChoiceField(choices=TYPES, required=False, default="all")
    top = serializers.BooleanField(
        required=False, default=False, help_text="Only what is in no other DID."
    )
    metadata = MetadataField(
        required=False,
        help_text='Metadata that it has, as a JSON object: `{"telescope": "LOFAR"}`.',
    )


class AskedDidsSerializer(PagedQuerySerializer):
    """The DID that is asked about."""

    scope = serializers.CharField(required=False, allow_blank=True, default="")
    name = NameField(help_text="The name; with `scope:` before it if there is none.")


class ReplicaQuerySerializer(AskedDidsSerializer):
    """Which replicas are wanted, and how they are to be reached."""

    rse_expression = serializers.CharField(required=False, allow_blank=True, default="")
    schemes = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="Such as `https,davs`; all, if none.",
    )
    facility = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="A facility, for the paths under which it sees them.",
    )


class RuleQuerySerializer(PagedQuerySerializer):
    """Which rules are wanted."""

    state = serializers.ChoiceField(
        choices=("REPLICATING", "OK", "STUCK", "SUSPENDED", "WAITING_APPROVAL", "INJECT"),
        required=False,
    )
    rse_expression = serializers.CharField(required=False, allow_blank=True, default="")
    text = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Part of the DID or of the comment."
    )


class DidSerializer(serializers.Serializer[Any]):
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


class PageSerializer(serializers.Serializer[Any]):
    """A page; `count` are those read, and all there are if `complete`."""

    count = serializers.IntegerField()
    complete = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)


class DidPageSerializer(PageSerializer):
    """A page of DIDs."""

    results = DidSerializer(many=True)


class NodeSerializer(serializers.Serializer[Any]):
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


class RulePageSerializer(PageSerializer):
    """A page of rules."""

    results = RuleSerializer(many=True)


class ChosenSerializer(serializers.Serializer[Any]):
    """One DID of a selection."""

    scope = serializers.CharField(required=False, allow_blank=True, default="", max_length=255)
    name = NameField(max_length=500)


class SelectionSerializer(serializers.Serializer[Any]):
    """What shall be staged, and to where: a facility of the lake, or an RSE expression."""

    dids = serializers.ListField(child=ChosenSerializer(), required=False, default=list)
    basket = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="A basket of yours, for the DIDs in it.",
    )
    facility = serializers.CharField(required=False, allow_blank=True, default="")
    rse_expression = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=255
    )
    copies = serializers.IntegerField(required=False, default=1, min_value=1)


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


class StagingSerializer(SelectionSerializer):
    """A staging: what, to where, how often, and for how long."""

    lake = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="The lake, by its id; the only one, if none.",
    )
    lifetime = serializers.IntegerField(
        required=False, min_value=60, help_text="Seconds that the data stay there."
    )
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=150)


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


class ExtensionSerializer(serializers.Serializer[Any]):
    """How long what was staged shall stay, from now on."""

    lifetime = serializers.IntegerField(min_value=60, help_text="Seconds.")


class ExtensionOfPartSerializer(serializers.Serializer[Any]):
    """Whether one part stays longer, or why not."""

    did = serializers.CharField()
    rule = serializers.CharField()
    extended = serializers.BooleanField()
    detail = serializers.CharField()


class ExtendedSerializer(serializers.Serializer[Any]):
    """What became of an extension, part by part."""

    results = ExtensionOfPartSerializer(many=True)


class UploadSerializer(serializers.Serializer[Any]):
    """A file to bring into the lake."""

    file = serializers.FileField(allow_empty_file=False)
    scope = serializers.CharField(max_length=255, help_text="A scope of yours.")
    name = serializers.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
        max_length=255,
        help_text="Letters, digits, `.`, `_`, `-`.",
    )
    rse = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="The lake's usual one, if none."
    )
    lifetime = serializers.IntegerField(
        required=False, min_value=60, help_text="Seconds that it stays; the lake's usual, if none."
    )
    dataset = NameField(
        required=False, allow_blank=True, default="", help_text="One of that scope, to be in."
    )


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
