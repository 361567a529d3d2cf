"""Rucio, a data lake: the real server and daemons, on PostgreSQL, with storage that holds bytes.

Its tokens' issuer is a test IAM of its own. What it lacks of the world is a transfer service, which
Debian and PyPI do not have: `server/site.py` stands in for FTS, and really copies.
"""

import hashlib
import os
import re
import shutil
import ssl
from pathlib import Path

import requests

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.cache import PeerCache
from tests.support.peers.dachs.postgres import Cluster
from tests.support.peers.iam import Iam, place
from tests.support.peers.iam import serve as serve_iam
from tests.support.peers.ports import free_port
from tests.support.peers.processes import Processes, copy_tree
from tests.support.peers.rucio import certificates, configuration, content

HERE = Path(__file__).parent
SERVER = HERE / "server"
PYTHON = Path("/usr/bin/python3")
PACKAGES = ["python3-venv", "postgresql-15"]
DATABASE = "rucio"
PASSED_TO_PIP = re.compile(r"(?i)(https?|no)_proxy|pip_\w+|ssl_cert_file|requests_ca_bundle")
"""What of our environment decides how pip reaches its index."""


class Rucio(Peer):
    """The lake that all tests of a run share; each test brings DIDs of its own."""

    name = "rucio"
    title = "Rucio"

    def why_absent(self) -> str | None:
        if self.changes():
            return "not installed: run `make peers` as root, on Debian 12"
        return Iam().why_absent()

    def version(self) -> str:
        return f"Rucio {_pinned('rucio')} on PostgreSQL 15"

    def changes(self) -> list[str]:
        if missing := debian.missing(PACKAGES):
            return [f"install the Debian packages {', '.join(missing)}, and what they depend on"]
        return []

    def install(self) -> None:
        debian.install(debian.missing(PACKAGES))

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        for name in ("requirements.txt", "server/bootstrap.py"):
            digest.update((HERE / name).read_bytes())
        packages = [f"{package} {debian.installed(package)}" for package in PACKAGES]
        return "\n".join([*packages, digest.hexdigest()])

    def prepare(self, folder: Path, processes: Processes) -> None:
        shutil.copy(HERE / "requirements.txt", folder)
        processes.run(PYTHON, "-m", "venv", folder / "venv")
        environment = {
            name: os.environ[name] for name in os.environ if PASSED_TO_PIP.fullmatch(name)
        }
        processes.run(
            folder / "venv/bin/python", "-m", "pip", "install", "-q", "--no-deps",
            "-r", folder / "requirements.txt",
            env=environment, within=900,
        )  # fmt: skip
        cluster = Cluster(folder, processes)
        cluster.create()
        cluster.start()
        cluster.sql(f"CREATE DATABASE {DATABASE};", database="postgres")
        configuration.write(folder, database_in=folder, venv=folder / "venv")
        processes.account.give(folder / "etc")
        shutil.copy(SERVER / "bootstrap.py", folder)
        run_python(folder / "venv", folder, processes, folder / "bootstrap.py")
        cluster.stop()

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        copy_tree(prepared / "pgdata", folder / "pgdata")
        shutil.copytree(SERVER, folder / "server")
        processes.account.folder(folder / "storage")
        Cluster(folder, processes).start()
        issuer = _own_issuer(folder / "issuer", processes)
        port, site, tls_port = free_port(), free_port(), free_port()
        venv = prepared / "venv"
        configuration.write(folder, database_in=folder, venv=venv, port=port, issuer=issuer)
        processes.account.give(folder / "etc")
        server = folder / "server"
        environment = {
            "RUCIO_HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Server and daemons find it beside their own programs, in `server/`.
            "RUCIO_POLICY_PACKAGE": "any_names",
        }
        python = venv / "bin" / "python"
        processes.spawn(python, server / "site.py", str(site), folder / "storage", log="site.log")
        tls = certificates.write(folder / "tls")
        processes.account.give(folder / "tls")
        serve = (
            python, "-m", "gunicorn", "--no-control-socket", "--pythonpath", server,
            "wsgi:application",
        )  # fmt: skip
        processes.spawn(
            *serve, "--threads", "8", "--bind", f"127.0.0.1:{port}",
            log="rucio.log", env=environment,
        )  # fmt: skip
        processes.spawn(
            *serve, "--threads", "4", "--bind", f"127.0.0.1:{tls_port}",
            "--certfile", tls.server.file, "--keyfile", tls.server.key,
            "--ca-certs", tls.authority, "--cert-reqs", str(int(ssl.CERT_OPTIONAL)),
            log="rucio-tls.log", env=environment,
        )  # fmt: skip
        processes.spawn(python, server / "daemons.py", log="daemons.log", env=environment)
        url, site_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{site}"
        tls_url, authority = f"https://127.0.0.1:{tls_port}", str(tls.authority)
        processes.wait_until(lambda: _answers(f"{site_url}/"), what="The storage")
        processes.wait_until(lambda: _answers(f"{url}/ping"), what="Rucio", within=180)
        processes.wait_until(
            lambda: _answers(f"{tls_url}/ping", authority), what="Rucio with TLS", within=180
        )
        content.fill(url, site_url, folder / "storage", issuer)
        return PeerInfo(
            name=self.name,
            version=self.version(),
            url=url,
            links={
                "site": site_url,
                "iam": issuer,
                "storage": str(folder / "storage"),
                "tls": tls_url,
                "authority": authority,
                "certificate": str(tls.robot.file),
                "key": str(tls.robot.key),
            },
        )


def run_python(venv: Path, home: Path, processes: Processes, script: Path) -> str:
    """Run a script in Rucio's own Python, with the configuration of that folder."""
    return processes.run(venv / "bin" / "python", script, env={"RUCIO_HOME": str(home)})


def _own_issuer(folder: Path, processes: Processes) -> str:
    """Start the test IAM whose tokens this Rucio takes, and return its address."""
    cache, iam = PeerCache("iam"), Iam()
    with cache.locked():
        if not cache.is_prepared(iam):
            cache.prepare(iam)
    processes.account.folder(folder)
    place(cache.prepared, folder, processes)
    return serve_iam(folder, processes, port=free_port())


def _pinned(package: str) -> str:
    found = re.search(rf"^{package}==(\S+)", (HERE / "requirements.txt").read_text(), re.MULTILINE)
    return found[1] if found else "?"


def _answers(url: str, authority: str = "") -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=10, verify=authority or True).ok
        except requests.RequestException:  # on a busy machine, the first answer takes its time
            return False
