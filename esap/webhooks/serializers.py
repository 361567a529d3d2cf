"""The shapes of webhooks in the API."""

from typing import Any, ClassVar

from rest_framework import serializers

from esap.jobs.models import Phase
from esap.webhooks.models import Delivery, Webhook
from esap.webhooks.services import EVENTS

__all__ = [
    "ChangeWebhookSerializer",
    "DeliveryPageSerializer",
    "DeliverySerializer",
    "NewWebhookSerializer",
    "SecretSerializer",
    "WebhookPageSerializer",
    "WebhookSerializer",
    "WebhookWithSecretSerializer",
]

_ENDS = [Phase.COMPLETED.value, Phase.ERROR.value, Phase.ABORTED.value]


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """An address to which events are sent, and how that goes."""

    events = serializers.ListField(child=serializers.CharField())
    kinds = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Webhook
        fields: ClassVar = [
            "id",
            "url",
            "events",
            "kinds",
            "parts",
            "created",
            "failing_since",
            "disabled",
            "disabled_because",
        ]
        read_only_fields = fields


class WebhookWithSecretSerializer(WebhookSerializer):
    """A new webhook."""

    secret = serializers.CharField(help_text="Signs what is sent. Told this once.")

    class Meta(WebhookSerializer.Meta):
        fields: ClassVar = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret."""

    secret = serializers.CharField(help_text="Signs what is sent from now on. Told this once.")


class NewWebhookSerializer(serializers.Serializer[Any]):
    """Where to tell what."""

    url = serializers.CharField(
        max_length=2000, help_text="A public http or https address that takes a POST."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS),
        allow_empty=False,
        default=_ENDS,
        help_text="Names of events, and phases; `phase` is all of these. The ends, if not given.",
    )
    kinds = serializers.ListField(
        child=serializers.CharField(),
        default=list,
        help_text="Only jobs of these kinds; of all, if not given.",
    )
    parts = serializers.BooleanField(
        default=False, help_text="Also what happens to each part of a job."
    )


class ChangeWebhookSerializer(serializers.Serializer[Any]):
    """What may be changed of a webhook."""

    url = serializers.CharField(max_length=2000, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=EVENTS), allow_empty=False, required=False
    )
    kinds = serializers.ListField(child=serializers.CharField(), required=False)
    parts = serializers.BooleanField(required=False)
    disabled = serializers.BooleanField(
        required=False, help_text="false: send again what happens from now on."
    )


class AttemptSerializer(serializers.Serializer[Any]):
    """One try to deliver."""

    time = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True, help_text="Of the answer, if there was one.")
    error = serializers.CharField(help_text="Why it failed, if there is more to say.")
    seconds = serializers.FloatField()


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """What was sent, or is to be."""

    body = serializers.CharField(help_text="As it is sent, and signed.")
    attempts = AttemptSerializer(many=True)

    class Meta:
        model = Delivery
        fields: ClassVar = ["id", "event", "body", "created", "due", "delivered", "attempts"]
        read_only_fields = fields
        extra_kwargs: ClassVar = {
            "due": {"help_text": "The next try; none once it is delivered, or given up."}
        }


class WebhookPageSerializer(serializers.Serializer[Any]):
    """One page of webhooks, and where the next is."""

    results = WebhookSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class DeliveryPageSerializer(serializers.Serializer[Any]):
    """One page of deliveries, and where the next is."""

    results = DeliverySerializer(many=True)
    next = serializers.URLField(allow_null=True)
