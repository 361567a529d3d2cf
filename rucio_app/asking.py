"""What may be asked of a data lake: the shapes of queries and bodies."""

from functools import partial
from typing import Any

import orjson
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

__all__ = [
    "AskedDidsSerializer",
    "DidQuerySerializer",
    "ExtensionSerializer",
    "PagedQuerySerializer",
    "ReplicaQuerySerializer",
    "RuleQuerySerializer",
    "SelectionSerializer",
    "StagingSerializer",
    "UploadSerializer",
]

NameField = partial(serializers.CharField, trim_whitespace=False)
"""A name of a DID: a space at its end is part of it."""
TYPES = ("all", "collection", "dataset", "container", "file")


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

    scope = serializers.CharField(
        help_text="The scope to look in.",
        error_messages={"required": "Name the scope to look in; they are listed under scopes/."},
    )
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
    name = NameField(
        help_text="The name; with `scope:` before it if there is none.",
        error_messages={"required": "Name the DID: scope and name, or name=scope:name."},
    )


class ReplicaQuerySerializer(AskedDidsSerializer):
    """Which replicas are wanted, and how they are to be reached."""

    rse_expression = serializers.CharField(required=False, allow_blank=True, default="")
    schemes = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="Such as `https,davs`; what each storage element prefers, if none.",
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


class ChosenSerializer(serializers.Serializer[Any]):
    """One DID of a selection."""

    default_error_messages = {
        "invalid": 'Send an object, such as {{"scope": "escape", "name": "lofar.images"}}.'
    }

    scope = serializers.CharField(required=False, allow_blank=True, default="", max_length=255)
    name = NameField(max_length=500)


class SelectionSerializer(serializers.Serializer[Any]):
    """What shall be staged, and to where: a facility of the lake, or an RSE expression."""

    dids = serializers.ListField(
        child=ChosenSerializer(), required=False, default=list, initial=[{"scope": "", "name": ""}]
    )
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
    copies = serializers.IntegerField(required=False, default=1, initial=1, min_value=1)


class StagingSerializer(SelectionSerializer):
    """A staging: what, to where, how often, and for how long."""

    lake = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        help_text="The lake, by its id; the only one, if none.",
    )
    lifetime = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=60,
        help_text="Seconds that the data stay there; the lake's usual time, if none.",
    )
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=150)


class ExtensionSerializer(serializers.Serializer[Any]):
    """How long what was staged shall stay, from now on."""

    lifetime = serializers.IntegerField(min_value=60, initial=86_400, help_text="Seconds.")


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
