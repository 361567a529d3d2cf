"""The webhooks app."""

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """What happens to a user's jobs, sent to addresses of theirs."""

    name = "esap.webhooks"
    label = "webhooks"
