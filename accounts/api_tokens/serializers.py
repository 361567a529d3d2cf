"""The shapes of API tokens in the API."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from accounts.api_tokens.scopes import SCOPES
from accounts.models import ApiToken
from esap.api.pagination import KeysetQuerySerializer

__all__ = [
    "ApiTokenPageSerializer",
    "ApiTokenQuerySerializer",
    "ApiTokenSerializer",
    "MadeTokenSerializer",
    "NewTokenSerializer",
]


class NewTokenSerializer(serializers.Serializer[Any]):
    """What a token is to be."""

    name = serializers.CharField(max_length=100, help_text="What it is for, as you will know it.")
    scopes = serializers.MultipleChoiceField(
        choices=SCOPES,
        allow_empty=False,
        help_text="`read`, `write`, or those of one room, such as `query:read`.",
    )
    expires = serializers.DateTimeField(required=False, help_text="In 90 days, unless you say.")


class ApiTokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token, without its text."""

    url = serializers.SerializerMethodField()
    scopes = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(choices=["live", "expired", "revoked"])

    class Meta:
        model = ApiToken
        fields: ClassVar = [
            "id",
            "url",
            "name",
            "scopes",
            "state",
            "created",
            "expires",
            "last_used",
            "revoked",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.URLField())
    def get_url(self, token: ApiToken) -> str:
        """Return where this token is shown, and revoked."""
        return reverse("api-token-detail", args=[token.pk], request=self.context["request"])


class MadeTokenSerializer(ApiTokenSerializer):
    """A token that has just been made."""

    token = serializers.CharField(
        help_text="The token itself. It is shown this once; keep it secret."
    )

    class Meta(ApiTokenSerializer.Meta):
        fields: ClassVar = [*ApiTokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class ApiTokenQuerySerializer(KeysetQuerySerializer):
    """What the list of tokens can be asked for."""


class ApiTokenPageSerializer(serializers.Serializer[Any]):
    """One page of tokens, and where the next is."""

    results = ApiTokenSerializer(many=True)
    next = serializers.URLField(allow_null=True)
