"""The shapes of profiles and of the other published lists, for the OpenAPI document."""

from typing import Any

from rest_framework import serializers

__all__ = [
    "CartItemSerializer",
    "CartPageSerializer",
    "CartSerializer",
    "NothingPageSerializer",
    "ProfilePageSerializer",
    "ProfileSerializer",
    "WhoSerializer",
]


class CartItemSerializer(serializers.Serializer[Any]):
    """An item of a basket as it is published."""

    item_data = serializers.CharField(help_text="The item as JSON text.")
    user_profile = serializers.CharField(help_text="Name of the user.")


class ProfileSerializer(serializers.Serializer[Any]):
    """A user's profile as it is published."""

    user_name = serializers.CharField()
    full_name = serializers.CharField()
    user_email = serializers.CharField()
    oidc_id_token = serializers.CharField(help_text="Always empty.")
    oidc_access_token = serializers.CharField(
        help_text="A token of ours that can only read, for ten minutes. Empty for a caller who "
        "came with a token."
    )
    id_token_expiration = serializers.DateTimeField(help_text="When to log in again.")
    query_schema = serializers.DictField(allow_null=True, help_text="Always null.")
    software_repositories = serializers.ListField(child=serializers.JSONField())
    compute_resources = serializers.ListField(child=serializers.JSONField())
    shopping_cart = CartItemSerializer(many=True)


class CartSerializer(serializers.Serializer[Any]):
    """What a profile can be changed by: bare items, which come back as JSON texts."""

    shopping_cart = serializers.ListField(
        child=serializers.DictField(),
        initial=[{"archive": "apertif", "record": {"name": "cube", "url": ""}}],
    )


class EnvelopeSerializer(serializers.Serializer[Any]):
    """The envelope of all published lists."""

    description = serializers.CharField()
    version = serializers.CharField()
    requested_page = serializers.CharField()
    requested_page_size = serializers.CharField(allow_null=True)
    default_page_size = serializers.IntegerField()
    max_page_size = serializers.IntegerField()
    count = serializers.IntegerField()
    pages = serializers.IntegerField()


class ProfilePageSerializer(EnvelopeSerializer):
    """Your profile, or nothing."""

    results = ProfileSerializer(many=True)


class CartPageSerializer(EnvelopeSerializer):
    """A page of the items of your basket."""

    results = CartItemSerializer(many=True)


class NothingPageSerializer(EnvelopeSerializer):
    """A list that is empty."""

    results = serializers.ListField(child=serializers.JSONField(), max_length=0)


class WhoSerializer(serializers.Serializer[Any]):
    """Who the caller is. Somebody who has not logged in gets the first key and the last."""

    authenticated = serializers.BooleanField()
    user_name = serializers.CharField(required=False)
    full_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    provider = serializers.CharField(required=False, help_text="Empty for an account of ours.")
    groups = serializers.ListField(child=serializers.CharField(), required=False)
    role = serializers.CharField(required=False)
    credential = serializers.CharField(
        required=False, help_text="What the request came with: a session, or a kind of token."
    )
    scopes = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text="What the token is good for; null if for all that you may do.",
    )
    login_url = serializers.URLField(required=False, help_text="Where to log in.")
