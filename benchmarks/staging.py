"""Staging: what it costs to ask a real Rucio for many files, and to follow that.

Beside us are rucio-clients, in the Python that Rucio itself runs in: asked for each DID by itself,
as scripts and notebooks do, and for all in one call. Rucio's daemons are paused: what they do is
the same for all.

python -m benchmarks.staging [--quick | NUMBER OF FILES [NUMBER OF OPEN RULES]]
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.support import clock, keep, set_up_django, table

LABEL = "bench"
CHANGED = 20
"""So many of the open rules are fulfilled before they are followed."""
CLIENTS = """
import json, sys, time
from rucio.client import Client
from rucio.client.baseclient import BaseClient
asked, send = [0], BaseClient._send_request
def counted(self, *args, **kwargs):
    asked[0] += 1
    return send(self, *args, **kwargs)
BaseClient._send_request = counted
names, at_once = json.load(sys.stdin)
client = Client()
client.whoami()
asked[0] = 0
began = time.perf_counter()
made = []
for first in range(0, len(names), at_once):
    dids = [{"scope": "escape", "name": name} for name in names[first : first + at_once]]
    made += client.add_replication_rule(
        dids, 1, "ESAP-COMPUTE", lifetime=3600, account=sys.argv[1]
    )
staged = time.perf_counter() - began
asked_to_stage = asked[0]
began = time.perf_counter()
states = [client.get_replication_rule(rule)["state"] for rule in made]
followed = time.perf_counter() - began
print(json.dumps({
    "stage": {"wall": staged, "requests": asked_to_stage},
    "follow": {"wall": followed, "requests": asked[0] - asked_to_stage},
    "peak_mb": int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024,
}))
"""


def main() -> None:
    """Measure and print."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    files, following = (*numbers, *(1_000, 10_000)[len(numbers) :])
    if "--quick" in sys.argv:
        files, following = 100, 500
    from tests.support.peers import PEERS, runs

    try:
        info = runs.start("rucio", PEERS["rucio"], label=LABEL, owner=os.getpid()).info
        measured = measure(info, files, following)
    finally:
        runs.stop("rucio", LABEL)
    table(["what", "who", "requests", "wall s"], rows(measured))
    print(f"\npeak memory: ours {measured['peak_mb']['ours']} MB", end="")
    print(f", rucio-clients {measured['peak_mb']['rucio-clients']} MB")
    keep("staging", measured)


def rows(measured: dict[str, Any]) -> list[list[Any]]:
    """Return what was measured as lines of a table."""
    return [
        [what.format(**measured), who, cost["requests"], cost["wall"]]
        for what, costs in measured["costs"].items()
        for who, cost in costs.items()
    ]


def measure(info: Any, files: int, following: int) -> dict[str, Any]:
    """Stage a dataset and single files as Alice, and as Bob and Carol with rucio-clients."""
    from tests.support.rucio import Lake

    lake = Lake(info.url, info.links["site"])
    stem = uuid4().hex[:8]
    dataset = lake.collection(f"{stem}.set", lake.described(f"{stem}.in", files))
    single = [did["name"] for did in lake.described(f"{stem}.one", files)]
    with tempfile.TemporaryDirectory() as folder, paused(info):
        ours = Ours(info, Path(folder))
        costs = {
            "stage a dataset of {files} files": {
                "ours": ours.staged([dataset]),
                "rucio-clients": of_clients(info, "bob", [dataset])["stage"],
            }
        }
        staged = ours.staged(single)
        by_one, by_all = of_clients(info, "bob", single), of_clients(info, "root", single, files)
        costs["stage {files} single DIDs"] = {
            "ours": staged,
            "rucio-clients, one by one": by_one["stage"],
            "rucio-clients, in one call": by_all["stage"],
        }
        costs["stage them once more"] = {"ours": ours.staged(single)}
        costs["follow these {files} rules"] = {
            "ours": ours.followed(ours.parts()),
            "rucio-clients": by_one["follow"],
        }
        peak = peak_mb()
        parts = ours.more_parts(lake, stem, following)
        costs["follow {following} rules, of which {changed} changed"] = {
            "ours": ours.followed(parts)
        }
        ours.close()
    return {
        "files": files,
        "following": following,
        "changed": CHANGED,
        "costs": costs,
        "peak_mb": {
            "ours": peak,
            "ours, following": peak_mb(),
            "rucio-clients": by_one["peak_mb"],
        },
    }


class Ours:
    """What a request, a worker and the clock do, in this process; with a real login."""

    def __init__(self, info: Any, folder: Path) -> None:
        set_up_django(ESAP_DATA_DIR=str(folder), ESAP_ALLOWED_HOSTS="testserver")
        from django.conf import settings
        from django.core.management import call_command

        from tests.support.accounts import Browser
        from tests.support.iam import Iam
        from tests.support.lakes import lake_entry, write_lakes

        self._url = info.url
        self._iam = Iam(info.links["iam"])
        settings.LOCAL_LOGIN = False
        settings.ENTRY_FILES = write_lakes(folder, self._iam, lake_entry(folder, info.url))
        call_command("migrate", verbosity=0)
        Browser().log_in("alice")

        from accounts.models import User
        from esap.jobs import making
        from rucio_app.services.access import lake_for

        making.ring = lambda _: 0  # the work is done below
        self._user = User.objects.get()
        self._lake = lake_for(self._user, "lake")

    def staged(self, names: list[str]) -> dict[str, Any]:
        """Do what a request to stage does, and then a worker."""
        from esap.jobs.models import Job
        from esap.jobs.runner import carry_out
        from rucio_app.backends.values import Item
        from rucio_app.services.staging import Wanted, stage

        with counted(self._url) as asked, clock() as spent:
            items = [Item("escape", name) for name in names]
            self._whole = stage(self._lake, self._user, Wanted(items=items, facility="cluster"))
            parts = Job.objects.filter(parent=self._whole.pk).order_by("created", "pk")
            waiting = list(parts.values_list("pk", flat=True)[:1])
            while waiting:
                waiting = carry_out(waiting[0])
        assert all(part.remote_id for part in parts), parts[0].waits_for or parts[0].problem
        return {"wall": spent["wall"], "requests": asked["n"], "cpu": spent["cpu"]}

    def parts(self) -> list[Any]:
        """Return the parts of what was staged last."""
        from esap.jobs.models import Job

        return list(Job.objects.filter(parent=self._whole.pk))

    def followed(self, parts: list[Any]) -> dict[str, Any]:
        """Do what the clock has done every few seconds."""
        from rucio_app.jobs import KINDS
        from rucio_app.services.staging import PART

        with counted(self._url) as asked, clock() as spent:
            standings = KINDS[PART].follower.follow("lake", parts)
        assert len(standings) == len(parts)
        return {"wall": spent["wall"], "requests": asked["n"], "cpu": spent["cpu"]}

    def more_parts(self, lake: Any, stem: str, count: int) -> list[Any]:
        """Have rules for so many files, of which a few are fulfilled; return parts with them."""
        from esap.jobs.models import Job
        from rucio_app.services.staging import PART

        there = lake.described(f"{stem}.there", CHANGED, rse="ESAP-COMPUTE")
        dids = [*there, *lake.described(f"{stem}.more", count - CHANGED)]
        made: list[str] = []
        for first in range(0, len(dids), 500):
            made += lake.put_rules(dids[first : first + 500], account="alice", rse="ESAP-COMPUTE")
        common = {"account": "alice", "rse_expression": "ESAP-COMPUTE", "copies": 1}
        return [
            Job(kind=PART, peer="lake", owner=self._user, parent=self._whole, remote_id=rule,
                parameters={**common, **did})
            for did, rule in zip(dids, made, strict=True)
        ]  # fmt: skip

    def close(self) -> None:
        """End the connections."""
        self._iam.http.close()


def of_clients(info: Any, account: str, names: list[str], at_once: int = 1) -> dict[str, Any]:
    """Do the same with rucio-clients, in a process of their own."""
    from tests.support.peers.cache import PeerCache
    from tests.support.rucio import ROOT_PASSWORD, ROOT_USER

    python = PeerCache("rucio").prepared / "venv" / "bin" / "python"
    user, password = account, f"{account}-secret"
    if account == "root":
        user, password = ROOT_USER, ROOT_PASSWORD
    with tempfile.TemporaryDirectory() as home:
        etc = Path(home) / "etc"
        etc.mkdir()
        (etc / "rucio.cfg").write_text(
            f"[client]\nrucio_host = {info.url}\nauth_host = {info.url}\n"
            f"auth_type = userpass\nusername = {user}\npassword = {password}\n"
            f"account = {account}\n"
        )
        done = subprocess.run(
            [python, "-c", CLIENTS, account],
            input=json.dumps([names, at_once]),
            env={"RUCIO_HOME": home, "HOME": home, "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


def peak_mb() -> int:
    """Return how much memory this process had at most.

    Not by getrusage: what it says of a new process has begun with that of its parent.
    """
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


@contextmanager
def paused(info: Any) -> Iterator[None]:
    """Have Rucio's daemons do nothing meanwhile."""
    flag = Path(info.links["storage"]).parent / "paused"
    flag.touch()
    try:
        yield
    finally:
        flag.unlink()


@contextmanager
def counted(url: str) -> Iterator[Counter[str]]:
    """Count the requests to this server that are made in this block."""
    from esap.backends.http import PeerSession

    asked: Counter[str] = Counter()
    request = PeerSession.request

    def counting(self: PeerSession, method: str, to: str, **parts: Any) -> Any:
        asked["n"] += to.startswith(url)
        return request(self, method, to, **parts)

    PeerSession.request = counting
    try:
        yield asked
    finally:
        PeerSession.request = request


if __name__ == "__main__":
    main()
