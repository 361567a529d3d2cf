"""The embedded broker keeps its messages, to itself."""

import asyncio
import os
import signal
import stat
import subprocess

import pytest
import redis

from esap.serve.broker import broker, shut_down, socket_of
from esap.serve.supervisor import Supervisor


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "broker"
    path.mkdir()
    return path


def with_broker(folder, play):
    async def scene():
        supervisor = Supervisor(print)
        try:
            await supervisor.start(broker(folder, os.environ))
            play(redis.Redis(unix_socket_path=str(socket_of(folder))))
        finally:
            await supervisor.stop()

    asyncio.run(scene())


def test_messages_outlive_the_broker(folder):
    with_broker(folder, lambda client: client.lpush("queue", "message"))
    kept = []

    with_broker(folder, lambda client: kept.extend(client.lrange("queue", 0, -1)))

    assert kept == [b"message"]


def test_only_its_owner_may_open_the_socket_and_no_port_is_open(folder):
    def play(client):
        assert stat.S_IMODE(socket_of(folder).stat().st_mode) == 0o700
        assert client.config_get("port") == {"port": "0"}

    with_broker(folder, play)


def test_full_memory_loses_no_message(folder):
    def play(client):
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    with_broker(folder, play)


def test_a_broker_left_behind_is_shut_down_with_what_it_holds(folder):
    left = subprocess.Popen([*broker(folder, os.environ).command], stdout=subprocess.DEVNULL)
    client = redis.Redis(unix_socket_path=str(socket_of(folder)))
    for _ in range(100):
        try:
            client.lpush("queue", "message")
            break
        except redis.ConnectionError:
            asyncio.run(asyncio.sleep(0.05))

    assert asyncio.run(shut_down(folder)) is True

    assert left.wait(timeout=5) == 0
    kept = []
    with_broker(folder, lambda client: kept.extend(client.lrange("queue", 0, -1)))
    assert kept == [b"message"]


def test_where_none_was_left_there_is_nothing_to_shut_down(folder):
    assert asyncio.run(shut_down(folder)) is False


def test_a_socket_left_by_a_killed_broker_does_not_keep_the_next_from_starting(folder):
    def die(client):
        os.kill(client.info("server")["process_id"], signal.SIGKILL)

    with_broker(folder, die)
    assert socket_of(folder).exists()

    with_broker(folder, lambda client: client.ping())


def test_a_folder_too_deep_for_a_socket_gets_one_elsewhere(folder):
    deep = folder / ("d" * 120)
    deep.mkdir()

    assert len(bytes(socket_of(deep))) <= 100
    assert socket_of(deep) != socket_of(folder / ("e" * 120))
    with_broker(deep, lambda client: client.ping())
