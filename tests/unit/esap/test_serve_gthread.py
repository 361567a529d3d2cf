"""gunicorn as we run it, and clients that do not do their part."""

import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest

from esap.settings.env import BASE_DIR
from tests.support.peers.ports import free_port
from tests.support.waiting import wait_for

HELLO = "wsgiref.simple_server:demo_app"
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def port():
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", HELLO, "--bind", f"127.0.0.1:{port}"]
    config = ["--config", str(BASE_DIR / "deploy" / "gunicorn.conf.py"), "--threads", "8"]
    process = subprocess.Popen([*command, *config, "--log-level", "error"], cwd=BASE_DIR)
    try:
        wait_for(lambda: answered(port) is not None, 20)
        yield port
    finally:
        process.terminate()
        process.wait()


def asked(port):
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(REQUEST)
    return connection


def answered(port):
    try:
        with closing(asked(port)) as connection:
            return connection.recv(12)
    except OSError:
        return None


def test_clients_that_do_not_hang_up_keep_nobody_out(port) -> None:
    lingering = [asked(port) for _ in range(4)]
    for connection in lingering:
        while connection.recv(1 << 16):
            pass
    began = time.monotonic()

    assert answered(port) == b"HTTP/1.1 200"

    assert time.monotonic() - began < 1
    for connection in lingering:
        connection.close()
