"""Figures of workers, clock, broker and peers."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from esap.health.broker import messages_waiting
from esap.health.models import PeerHealth, State
from esap.health.peers import all_peers
from esap.health.signs import clock_seen, workers_seen

__all__ = ["of_peers", "of_processes"]


def of_processes() -> Iterable[Metric]:
    """Tell of the processes that answer no requests, and of the broker between them."""
    yield GaugeMetricFamily("esap_workers", "Workers that live.", value=len(workers_seen()))
    seen = clock_seen()
    if seen is not None:
        yield GaugeMetricFamily(
            "esap_clock_seen_seconds", "Seconds since the clock's last sign of life.", value=seen
        )
    messages = messages_waiting()
    yield GaugeMetricFamily(
        "esap_broker_up", "Whether the broker answers.", value=float(messages is not None)
    )
    if messages is not None:
        yield GaugeMetricFamily(
            "esap_broker_messages", "Messages that wait for a worker.", value=messages
        )


def of_peers() -> Iterable[Metric]:
    """Tell how each configured peer was when it was last asked; one that never was is left out."""
    labels = ["room", "section", "peer"]
    up = GaugeMetricFamily("esap_peer_up", "Whether the last ping was answered.", labels=labels)
    seconds = GaugeMetricFamily(
        "esap_peer_ping_seconds", "Seconds that the last answer to a ping took.", labels=labels
    )
    found = {(row.room, row.section, row.peer): row for row in PeerHealth.objects.all()}
    for key in sorted(peer.key for peer in all_peers()):
        row = found.get(key)
        if row is None or row.state == State.UNKNOWN:
            continue
        up.add_metric(list(key), float(row.state == State.OK))
        if row.state == State.OK and row.latency is not None:
            seconds.add_metric(list(key), row.latency)
    return [up, seconds]
