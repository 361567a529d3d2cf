"""The periodic task behind the health matrix."""

from celery.contrib.django.task import DjangoTask

from esap.celery import app
from esap.health.peers import all_peers
from esap.health.pings import ping_all, remember

__all__ = ["ping_peers"]


@app.task(name="esap.health.ping_peers", base=DjangoTask)
def ping_peers() -> None:
    """Ask every peer whether it is well, and write down the answers."""
    remember(ping_all(all_peers()))
