"""The way to the broker, mended where it fails; esap/celery.py puts it in place."""

from collections import OrderedDict

import structlog
from kombu.transport import redis

__all__ = ["Transport"]

logger = structlog.get_logger(__name__)


class Unanswered(redis.QoS):
    """Messages that were fetched and not yet answered for."""

    def restore_unacked_once(self, stderr: object = None) -> None:
        """Put them back in the queue when the connection is closed, if the broker can be reached.

        kombu 5.7 raises `AttributeError` where it is away, which ends the worker. The sweeper rings
        again for what these messages were about.
        """
        try:
            super().restore_unacked_once(stderr)
        except AttributeError as trouble:
            self._delivered = OrderedDict()
            logger.warning("messages not put back: the broker is away", because=str(trouble))


class Channel(redis.Channel):
    """A channel whose messages are put back if that can be done, and not at any price."""

    QoS = Unanswered


class Transport(redis.Transport):
    """Redis or Valkey, at an address or a socket."""

    Channel = Channel
