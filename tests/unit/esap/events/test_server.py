"""Clients that vanish without a goodbye are let go, too."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import closing, suppress

import pytest
import uvicorn

from esap.events import server, views
from esap.events.application import EventsHandler
from esap.events.feed import Feed
from esap.jobs import services
from tests.unit.esap.events.listening import until

_NETWORK = f"10.203.{os.getpid() % 256}"  # so that runs side by side do not meet
HOST, GUEST = f"{_NETWORK}.1", f"{_NETWORK}.2"
CLIENTS = f"""
import socket, sys
held = []
for path in sys.argv[2:]:
    one = socket.create_connection(("{HOST}", int(sys.argv[1])))
    one.sendall(f"GET {{path}} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n".encode())
    held.append(one)
print("asked", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name them differently")
def test_what_is_set_on_the_listening_socket_holds_for_its_connections():
    with (
        closing(server.listening_socket("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with closing(accepted):
            found = {
                name: accepted.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
            }
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1

    assert found == {
        "TCP_USER_TIMEOUT": 20_000,
        "TCP_KEEPIDLE": 20,
        "TCP_KEEPINTVL": 6,
        "TCP_KEEPCNT": 3,
    }


@pytest.fixture
def cable():
    """A network of its own behind a cable; yield its name and how to pull the cable."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root may lay cables")
    name = f"esap{os.getpid()}"
    ours = f"e{os.getpid()}a"

    def ip(*words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    try:
        ip("netns", "add", name)
        ip("link", "add", ours, "type", "veth", "peer", "name", "far", "netns", name)
    except subprocess.CalledProcessError:
        pytest.skip("this machine lets nobody lay cables")
    try:
        ip("addr", "add", f"{HOST}/30", "dev", ours)
        ip("link", "set", ours, "up")
        ip("-n", name, "addr", "add", f"{GUEST}/30", "dev", "far")
        ip("-n", name, "link", "set", "far", "up")
        yield name, lambda: ip("-n", name, "addr", "del", f"{GUEST}/30", "dev", "far")
    finally:
        with suppress(subprocess.CalledProcessError):
            ip("netns", "del", name)


def test_who_vanishes_is_let_go(database, settings, monkeypatch, cable):
    network, pull = cable
    monkeypatch.setattr(server, "SILENT_SECONDS", 2)
    monkeypatch.setattr(views, "feed", Feed())
    settings.ROOT_URLCONF = "esap.events.urls"
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    job = services.begin("query.search", {})
    config = uvicorn.Config(
        EventsHandler(), lifespan="off", ws="none", log_config=None, timeout_graceful_shutdown=1
    )
    ours = uvicorn.Server(config)
    listener = server.listening_socket(HOST, 0)
    thread = threading.Thread(target=ours.run, args=([listener],))
    thread.start()
    paths = [f"/esap-api/jobs/{job.pk}/events", f"/esap-api/jobs/{job.pk}?wait=120"]
    command = ["ip", "netns", "exec", network, sys.executable, "-c", CLIENTS]
    port = str(listener.getsockname()[1])
    clients = subprocess.Popen(
        [*command, port, *paths], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert clients.stdout.readline() == b"asked\n"
        assert until(lambda: len(views.feed) == 2, 20)

        pull()
        services.progress(job, 0.5)  # what is on its way to one of them nobody acknowledges

        assert until(lambda: len(views.feed) == 0, 20)
        assert ours.server_state.connections == set()
    finally:
        ours.should_exit = True
        clients.kill()
        clients.communicate()
        thread.join()
