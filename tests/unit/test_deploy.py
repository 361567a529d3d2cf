"""What we hand to operators fits together, judged by the real tools where they are installed."""

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest
import yaml

from esap.serve.healthy import PROOFS

ROOT = Path(__file__).resolve().parents[2]
JOB = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if service["image"] == "esap-api-gateway"
}


def tool(name):
    """Return the path of a tool, or skip; .ci/run brings docker-compose, so there it must be."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        if name == "docker-compose" and os.environ.get("ESAP_REQUIRE_PEERS"):
            pytest.fail("docker-compose is not installed, and nothing may be absent in this run")
        pytest.skip(f"{name} is not installed")
    return path


def test_the_services_are_the_four_processes_and_what_they_stand_on():
    assert set(COMPOSE["services"]) == {
        *("prepare", "gateway", "events", "worker", "clock"),
        *("postgres", "valkey", "nginx"),
    }


def test_docker_compose_accepts_the_file_with_the_example_environment(tmp_path):
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    filled = re.sub(r"(?m)=$", "=secret", (ROOT / "deploy/env.example").read_text())
    (tmp_path / ".env").write_text(filled)

    answer = subprocess.run(
        [tool("docker-compose"), "config", "--quiet"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (answer.returncode, answer.stderr) == (0, "")


def test_docker_compose_refuses_to_start_without_a_password(tmp_path):
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / ".env").touch()

    answer = subprocess.run(
        [tool("docker-compose"), "config", "--quiet"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode != 0
    assert "Copy deploy/env.example to .env and fill it in" in answer.stderr


@pytest.mark.parametrize("name", OURS)
def test_each_service_runs_a_program_that_the_image_has(name):
    program = OURS[name]["command"][0]

    assert (Path(sys.executable).parent / program).exists()


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"prepare"}))
def test_each_process_has_a_proof_of_life(name):
    assert OURS[name]["environment"]["ESAP_PROCESS"] == name
    assert name in PROOFS


def test_no_process_starts_before_the_data_are_prepared():
    for name in OURS.keys() - {"prepare"}:
        assert OURS[name]["depends_on"]["prepare"] == {
            "condition": "service_completed_successfully"
        }


def test_the_broker_writes_messages_down_and_evicts_none():
    command = COMPOSE["services"]["valkey"]["command"]

    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_the_image_gets_every_package_of_ours_and_nothing_else_of_the_checkout():
    kept = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["importlinter"]["root_packages"])

    assert kept - packages == {
        *("LICENSE", "deploy/gunicorn.conf.py", "manage.py"),
        *("requirements.txt", "requirements-s3.txt"),
    }
    assert packages <= kept


def test_the_image_does_not_run_as_root():
    lines = (ROOT / "Dockerfile").read_text().splitlines()

    assert [line for line in lines if line.startswith("USER")] == ["USER esap"]


def test_the_example_environment_holds_no_secret():
    example = (ROOT / "deploy/env.example").read_text()

    assert re.findall(r"(?m)^(\w*(?:KEY|PASSWORD)\w*)=(.*)$", example) == [
        ("ESAP_SECRET_KEY", ""),
        ("POSTGRES_PASSWORD", ""),
    ]


def test_the_pinned_requirements_name_no_index():
    for name in ("requirements.txt", "requirements-s3.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text().splitlines()

        assert not [line for line in lines if re.match(r"-i|--(extra-)?index|--find|http", line)]
        assert all("==" in line for line in lines if re.match(r"[a-z]", line))


class Upstream(BaseHTTPRequestHandler):
    """Tells what reached it; a stream says its last line only when told to."""

    def do_GET(self):
        # Without a length or chunks, which is what a proxy most likes to hold back.
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        told = (
            f"{self.server.name} {self.path} {self.headers['Host']} "
            f"{self.headers['X-Forwarded-For']}\n"
        )
        self.say(told)
        if self.server.name == "events":
            time.sleep(0.2)
            self.say("later\n")
            self.server.go_on.wait(10)
            self.say("the end\n")

    def say(self, text):
        with suppress(ConnectionError):  # a client may have heard enough
            self.wfile.write(text.encode())
            self.wfile.flush()

    def log_message(self, *args):
        pass


@contextmanager
def upstream(name):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.name, server.go_on = name, Event()
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


@pytest.fixture
def nginx(tmp_path):
    """A real nginx with our file, in front of two upstreams."""
    program, port, health = tool("nginx"), free_port(), free_port()
    with upstream("gateway") as gateway, upstream("events") as events:
        text = (ROOT / "deploy/nginx.conf").read_text()
        for ours, here in {
            "gateway:8000": f"127.0.0.1:{gateway.server_port}",
            "events:8001": f"127.0.0.1:{events.server_port}",
            "listen 80 ": f"listen 127.0.0.1:{port} ",
            "listen 127.0.0.1:8080;": f"listen 127.0.0.1:{health};",
            "/etc/nginx/tls": str(tmp_path / "tls"),
            "/tmp/nginx.pid": str(tmp_path / "pid"),  # noqa: S108  inside the container
            "worker_processes auto;": "daemon off;",
        }.items():
            assert ours in text
            text = text.replace(ours, here)
        (tmp_path / "nginx.conf").write_text(text)
        process = subprocess.Popen(
            [program, "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"],
            stdout=subprocess.DEVNULL,
        )
        try:
            for _ in range(200):
                with socket.socket() as trial:
                    if trial.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None
                time.sleep(0.02)
            yield SimpleNamespace(port=port, health=health, events=events)
        finally:
            process.terminate()
            process.wait()


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": "esap.example.org", **headers})
    return connection, connection.getresponse()


@pytest.mark.parametrize(
    ("path", "process"),
    [
        ("/", "gateway"),
        ("/esap-api/jobs/1/", "gateway"),
        ("/esap-api/jobs/1/events", "events"),
        ("/esap-api/query/searches/1/events?last_event_id=2", "events"),
        ("/esap-api/query/events", "gateway"),
        ("/esap-api/jobs/events", "events"),
        (f"/esap-api/jobs/{JOB}?wait=20&phase=QUEUED", "events"),
        (f"/esap-api/uws/jobs/{JOB}/?WAIT=-1", "events"),
        (f"/esap-api/uws/async/{JOB}?PHASE=QUEUED&wait=5", "events"),
        (f"/esap-api/jobs/{JOB}", "gateway"),
        (f"/esap-api/jobs/{JOB}?wait=", "gateway"),
        (f"/esap-api/jobs/{JOB}/results?wait=5", "gateway"),
        ("/esap-api/jobs/?wait=5", "gateway"),
    ],
)
def test_nginx_sends_all_that_waits_to_the_events_process_and_all_else_to_the_api(
    nginx, path, process
):
    nginx.events.go_on.set()

    connection, answer = ask(nginx.port, path, **{"X-Forwarded-For": "203.0.113.9"})

    assert answer.readline() == f"{process} {path} esap.example.org 127.0.0.1\n".encode()
    connection.close()


def test_nginx_passes_each_event_on_at_once(nginx):
    connection, answer = ask(nginx.port, "/esap-api/jobs/1/events")

    assert answer.readline().startswith(b"events ")
    assert answer.readline() == b"later\n"
    nginx.events.go_on.set()
    assert answer.readline() == b"the end\n"
    connection.close()


@pytest.fixture
def tls(tmp_path):
    """What docs/how-to/deploy.md says to put into deploy/tls, and the port it listens on."""
    folder, port = tmp_path / "tls", free_port()
    folder.mkdir()
    page = (ROOT / "docs/how-to/deploy.md").read_text()
    [conf] = re.findall(r"```nginx\n(listen 443 ssl;.*?)```", page, re.DOTALL)
    conf = conf.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    (folder / "esap.conf").write_text(conf.replace("/etc/nginx/tls", str(folder)))
    make = f"{tool('openssl')} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=esap.example.org"
    made = ["-keyout", "privkey.pem", "-out", "fullchain.pem"]
    subprocess.run([*make.split(), *made], cwd=folder, capture_output=True, check=True)
    return SimpleNamespace(port=port, trusted=folder / "fullchain.pem")


def test_nginx_with_a_certificate_serves_https_sends_http_there_and_is_well(tls, nginx):
    proof = COMPOSE["services"]["nginx"]["healthcheck"]["test"][-1]
    assert proof.startswith("http://127.0.0.1:8080/")

    http, plain = ask(nginx.port, "/esap-api/")
    check, health = ask(nginx.health, proof.removeprefix("http://127.0.0.1:8080"))
    trust = ssl.create_default_context(cafile=tls.trusted)
    with (
        socket.create_connection(("127.0.0.1", tls.port)) as plainly,
        trust.wrap_socket(plainly, server_hostname="esap.example.org") as safely,
    ):
        safely.sendall(b"GET /esap-api/ HTTP/1.0\r\nHost: esap.example.org\r\n\r\n")
        secure = safely.makefile("rb").read()
    http.close()
    check.close()

    assert (plain.status, plain.headers["Location"]) == (301, "https://esap.example.org/esap-api/")
    assert health.status == 204
    assert b"gateway /esap-api/ esap.example.org 127.0.0.1" in secure
