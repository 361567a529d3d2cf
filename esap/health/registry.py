"""Figures of this process for Prometheus, and of all processes of the same server."""

import os
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

__all__ = ["gauge", "process_registry", "requests_served", "seconds_taken"]

_own = CollectorRegistry()

requests_served = Counter(
    "esap_http_requests",
    "Requests answered, by route.",
    ["method", "route", "status"],
    registry=_own,
)
seconds_taken = Histogram(
    "esap_http_request_seconds",
    "Seconds until an answer began, by route.",
    ["method", "route"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=_own,
)


class _Gauge(Collector):
    """A figure that is asked for when it is told."""

    def __init__(self, name: str, about: str, value: Callable[[], float]) -> None:
        self._name, self._about, self._value = name, about, value

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(self._name, self._about, value=self._value())


_gauges: dict[str, _Gauge] = {}


def gauge(name: str, about: str, value: Callable[[], float]) -> None:
    """Have a figure of this process told; the last to claim a name has it."""
    _gauges[name] = _Gauge(name, about, value)


def process_registry() -> CollectorRegistry:
    """Return what there is to tell of this process.

    gunicorn's processes write theirs into one folder (deploy/gunicorn.conf.py), so that each can
    tell the sum of all: who asks reaches any one of them.
    """
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    else:
        registry.register(_own)
    for one in _gauges.values():
        registry.register(one)
    return registry
