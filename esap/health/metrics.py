"""All figures, in the text that Prometheus reads: of this process, and of what all share."""

from collections.abc import Callable, Iterable

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.utils.module_loading import import_string
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from esap.health.registry import process_registry

__all__ = ["CONTENT_TYPE", "exposition"]

logger = structlog.get_logger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Shared(Collector):
    """The figures of the functions that settings.METRICS names; each asks what all processes share.

    Without the database the others are told all the same.
    """

    def collect(self) -> Iterable[Metric]:
        up = True
        for name in settings.METRICS:
            figures: Callable[[], Iterable[Metric]] = import_string(name)
            try:
                told = list(figures())
            except DatabaseError as trouble:
                logger.warning("figures cannot be told", of=name, because=str(trouble))
                up = False
                continue
            yield from told
        yield GaugeMetricFamily(
            "esap_database_up", "Whether the database answers.", value=float(up)
        )


def exposition() -> bytes:
    """Return all figures.

    The events process has only its own to tell; what all share would be counted twice.
    """
    registry = process_registry()
    if settings.METRICS:
        registry.register(_Shared())
    return generate_latest(registry)
