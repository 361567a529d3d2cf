"""A broker that goes away ends no worker."""

import os
import signal
import subprocess

import pytest
from kombu import Queue

from esap import broker
from esap.celery import app
from esap.serve import broker as embedded
from tests.support.waiting import wait_for


@pytest.mark.parametrize(
    "url", ["redis://localhost/0", "rediss://localhost/0", "redis+socket:///tmp/none"]
)
def test_every_way_to_the_broker_is_the_mended_one(url):
    with app.connection(url) as connection:
        assert connection.get_transport_cls() is broker.Transport


def test_a_connection_with_unanswered_messages_closes_when_the_broker_is_gone(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    server = subprocess.Popen(embedded.broker(folder, os.environ).command)
    try:
        assert wait_for(embedded.socket_of(folder).exists, 30)
        connection = app.connection(f"redis+socket://{embedded.socket_of(folder)}")
        fetched = []
        connection.Consumer(Queue("things"), on_message=fetched.append).consume()
        connection.Producer().publish("work", routing_key="things")
        connection.drain_events(timeout=5)
        assert len(fetched) == 1
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()

    connection._do_close_transport()  # as kombu does when its first try to close has failed
    connection.close()

    assert connection.connected is False
