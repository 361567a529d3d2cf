"""Figures of webhooks."""

from collections.abc import Iterable

from django.db.models import Count, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from esap.webhooks.models import Delivery, Webhook

__all__ = ["figures"]


def figures() -> Iterable[Metric]:
    """Tell what waits to be delivered, and how many webhooks do not take it."""
    waiting = Delivery.objects.filter(due__isnull=False).aggregate(
        all=Count("pk"), failed=Count("pk", filter=~Q(attempts=[]))
    )
    webhooks = Webhook.objects.aggregate(
        failing=Count("pk", filter=Q(failing_since__isnull=False, disabled=None)),
        disabled=Count("pk", filter=Q(disabled__isnull=False)),
    )
    yield GaugeMetricFamily(
        "esap_webhook_deliveries_waiting", "Deliveries still to be made.", value=waiting["all"]
    )
    yield GaugeMetricFamily(
        "esap_webhook_deliveries_failed",
        "Those of them that have failed at least once.",
        value=waiting["failed"],
    )
    yield GaugeMetricFamily(
        "esap_webhooks_failing", "Webhooks whose last delivery failed.", value=webhooks["failing"]
    )
    yield GaugeMetricFamily(
        "esap_webhooks_disabled", "Webhooks that are told nothing.", value=webhooks["disabled"]
    )
