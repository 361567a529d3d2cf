"""How many messages wait at the broker, asked with little patience."""

from typing import Any

from kombu.exceptions import ChannelError, OperationalError

from esap.celery import app

__all__ = ["BROKER_SECONDS", "messages_waiting"]

BROKER_SECONDS = 2


def messages_waiting() -> int | None:
    """Return how many messages wait for workers; None if the broker does not answer in time.

    It connects anew: a pooled connection would not notice a broker that has gone.
    """
    options = {
        "socket_timeout": BROKER_SECONDS,
        "socket_connect_timeout": BROKER_SECONDS,
    }
    try:
        with app.connection_for_read(
            connect_timeout=BROKER_SECONDS, transport_options=options
        ) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
            channel: Any = broker.default_channel
            queue = channel.queue_declare(app.conf.task_default_queue, passive=True)
            return int(queue.message_count)
    except ChannelError:
        return 0  # It was never rung, or the broker has forgotten everything.
    except (OperationalError, OSError):
        return None
