"""Ceph's object gateway, which speaks S3, on one monitor and one disk that is in memory."""

import hashlib
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import requests

from tests.support.peers import debian
from tests.support.peers.base import Peer, PeerInfo
from tests.support.peers.ports import free_port
from tests.support.peers.processes import Processes

PACKAGES = ("ceph-mon", "ceph-osd", "radosgw")
ACCESS_KEY, SECRET_KEY = "ada", "secret"
"""Of the one user there is; others are asked for nothing, for only tests can reach it."""

# Without authentication among themselves, its parts cannot encrypt either.
CONFIGURATION = """
[global]
fsid = {id}
mon host = v2:127.0.0.1:{mon}
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms mon service mode = crc
mon allow pool size one = true
mon data avail warn = 0
mon data avail crit = 0
mon max pg per osd = 1000
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd class load list = *
osd class default list = *
osd objectstore = memstore
memstore device bytes = 2147483648
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}
run dir = {folder}
admin socket =
pid file =
log file =
log to stderr = true
"""


class Ceph(Peer):
    """Ceph as Debian packages it, empty at each start."""

    name = "ceph"
    title = "Ceph"

    def why_absent(self) -> str | None:
        if debian.missing(PACKAGES):
            return "not installed: run `make peers` as root, on Debian 12"
        return None

    def version(self) -> str:
        return f"Ceph {(debian.installed('radosgw') or '').partition('+')[0]}"

    def changes(self) -> list[str]:
        if missing := debian.missing(PACKAGES):
            return [f"install the Debian packages {', '.join(missing)}, and what they depend on"]
        return []

    def install(self) -> None:
        debian.install(debian.missing(PACKAGES))

    def fingerprint(self) -> str:
        ours = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        return f"radosgw {debian.installed('radosgw')}\n{ours}"

    def prepare(self, folder: Path, processes: Processes) -> None:
        """There is nothing slow to do once: it starts empty."""

    def start(self, prepared: Path, folder: Path, processes: Processes) -> PeerInfo:
        file, cluster, mon, port = folder / "ceph.conf", uuid4(), free_port(), free_port()
        file.write_text(CONFIGURATION.format(id=cluster, mon=mon, folder=folder))

        def run(program: str, *arguments: str) -> None:
            processes.run(program, "--conf", file, *arguments, within=60)

        def serve(program: str, *arguments: str) -> None:
            processes.spawn(program, "--conf", file, "-f", *arguments, log=f"{program}.log")

        address = f"[v2:127.0.0.1:{mon}]"
        monmap = str(folder / "monmap")
        make = ("--create", "--fsid", str(cluster), "--addv", "a", address, monmap)
        processes.run("monmaptool", *make)
        processes.run("mkdir", str(folder / "mon"), str(folder / "osd"))
        run("ceph-mon", "--id", "a", "--mkfs", "--monmap", monmap)
        serve("ceph-mon", "--id", "a")
        disk = str(uuid4())
        run("ceph", "--connect-timeout", "30", "osd", "new", disk)
        run("ceph-osd", "--id", "0", "--mkfs", "--osd-uuid", disk)
        serve("ceph-osd", "--id", "0")
        run("ceph", "osd", "crush", "add", "osd.0", "1", "root=default", "host=here")
        url = f"http://127.0.0.1:{port}"
        endpoint = f"beast endpoint=127.0.0.1:{port}"
        options = ("--auth-client-required=none", f"--rgw-frontends={endpoint}")
        serve("radosgw", "-n", "client.gateway", *options)
        processes.wait_until(lambda: _answers(url), what=self.title)
        keys = ("--access-key", ACCESS_KEY, "--secret", SECRET_KEY)
        run("radosgw-admin", "user", "create", "--uid", "ada", "--display-name", "Ada", *keys)
        return PeerInfo(name=self.name, version=self.version(), url=url)


def _answers(url: str) -> bool:
    try:
        with requests.Session() as session:
            return session.get(url, timeout=2).status_code == HTTPStatus.OK
    except requests.RequestException:
        return False
