"""The webhooks' place in the shared router."""

from rest_framework.routers import BaseRouter

from esap.webhooks.views import WebhookViewSet

__all__ = ["register"]


def register(router: BaseRouter) -> None:
    """Add the list of webhooks and the webhooks."""
    router.register("jobs/webhooks", WebhookViewSet, basename="webhook")
