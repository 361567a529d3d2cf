"""Figures of mail."""

from collections.abc import Iterable

from django.db.models import Count, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from esap.mail.models import Letter

__all__ = ["figures"]


def figures() -> Iterable[Metric]:
    """Tell how much mail waits to be sent, and how much of it has failed before."""
    waiting = Letter.objects.filter(due__isnull=False).aggregate(
        all=Count("pk"), failed=Count("pk", filter=~Q(attempts=[]))
    )
    yield GaugeMetricFamily("esap_mail_waiting", "Letters still to be sent.", value=waiting["all"])
    yield GaugeMetricFamily(
        "esap_mail_failed",
        "Those of them that have failed at least once.",
        value=waiting["failed"],
    )
