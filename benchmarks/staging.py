"""Staging: what it costs to ask a real Rucio for many files, and to follow that.

Beside us are rucio-clients, in the Python that Rucio itself runs in. The transfers are held: they
are Rucio's work, and the same for both.

python -m benchmarks.staging [--quick | NUMBER OF FILES]
"""

import json
import os
import resource
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
CLIENTS = """
import json, resource, sys, time
from rucio.client import Client
from rucio.client.baseclient import BaseClient
asked, send = [0], BaseClient._send_request
def counted(self, *args, **kwargs):
    asked[0] += 1
    return send(self, *args, **kwargs)
BaseClient._send_request = counted
names = json.load(sys.stdin)
client = Client()
began = time.perf_counter()
made = [
    client.add_replication_rule(
        [{"scope": "escape", "name": name}], 1, "ESAP-COMPUTE", lifetime=3600, account="bob"
    )[0]
    for name in names
]
staged = time.perf_counter() - began
asked_to_stage = asked[0]
began = time.perf_counter()
states = [client.get_replication_rule(rule)["state"] for rule in made]
followed = time.perf_counter() - began
print(json.dumps({
    "stage": {"wall": staged, "requests": asked_to_stage},
    "follow": {"wall": followed, "requests": asked[0] - asked_to_stage},
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""


def main() -> None:
    """Measure and print."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    files = 100 if "--quick" in sys.argv else next(iter(numbers), 1_000)
    from tests.support.peers import PEERS, runs

    try:
        info = runs.start("rucio", PEERS["rucio"], label=LABEL, owner=os.getpid()).info
        measured = {"files": files, **measure(info, files)}
    finally:
        runs.stop("rucio", LABEL)
    rows = [
        [what, who, cost["requests"], cost["wall"]]
        for what in ("stage one dataset", "stage single files", "follow single files")
        for who, cost in measured[what].items()
    ]
    table(["what", "who", "requests", "wall s"], rows)
    print(f"\npeak memory: ours {measured['peak_mb']['ours']} MB", end="")
    print(f", rucio-clients {measured['peak_mb']['rucio-clients']} MB")
    keep("staging", measured)


def measure(info: Any, files: int) -> dict[str, Any]:
    """Stage a dataset, and as many single files, as Alice; and as Bob with rucio-clients."""
    from tests.support.rucio import Lake

    lake = Lake(info.url, info.links["site"])
    stem = uuid4().hex[:8]
    inside = {f"{stem}.in.{number}": b"x" for number in range(files)}
    single = {f"{stem}.{number}": b"x" for number in range(files)}
    dataset = lake.dataset(inside, f"{stem}.set")
    lake.files(single)
    with tempfile.TemporaryDirectory() as folder, lake.held():
        ours = of_ours(info, Path(folder), dataset, list(single))
        theirs = of_clients(info, [dataset], list(single))
    return {
        "stage one dataset": {"ours": ours["dataset"], "rucio-clients": theirs["dataset"]},
        "stage single files": {"ours": ours["stage"], "rucio-clients": theirs["stage"]},
        "follow single files": {"ours": ours["follow"], "rucio-clients": theirs["follow"]},
        "peak_mb": {"ours": ours["peak_mb"], "rucio-clients": theirs["peak_mb"]},
    }


def of_ours(info: Any, folder: Path, dataset: str, names: list[str]) -> dict[str, Any]:
    """Do what a request, a worker and the clock do, in this process; with a real login."""
    set_up_django(ESAP_DATA_DIR=str(folder), ESAP_ALLOWED_HOSTS="testserver")
    from django.conf import settings
    from django.core.management import call_command

    from tests.support.accounts import Browser
    from tests.support.iam import Iam
    from tests.support.lakes import lake_entry, write_lakes

    iam = Iam(info.links["iam"])
    settings.LOCAL_LOGIN = False
    settings.ENTRY_FILES = write_lakes(folder, iam, lake_entry(folder, info.url))
    call_command("migrate", verbosity=0)
    Browser().log_in("alice")

    from accounts.models import User
    from esap.jobs import making
    from esap.jobs.models import Job
    from esap.jobs.runner import carry_out
    from rucio_app.backends.base import Item
    from rucio_app.jobs import KINDS
    from rucio_app.services.access import lake_for
    from rucio_app.services.staging import PART, Wanted, stage

    making.ring = lambda _: 0  # the work is done below
    user = User.objects.get()
    lake = lake_for(user, "lake")

    def staged(items: list[Item]) -> dict[str, Any]:
        with counted(info.url) as asked, clock() as spent:
            whole = stage(lake, user, Wanted(items=items, facility="cluster"))
            for part in Job.objects.filter(parent=whole.pk).values_list("pk", flat=True):
                carry_out(part)
        return {"wall": spent["wall"], "requests": asked["n"], "cpu": spent["cpu"]}

    found = {
        "dataset": staged([Item("escape", dataset)]),
        "stage": staged([Item("escape", name) for name in names]),
    }
    parts = list(Job.objects.filter(kind=PART).exclude(remote_id=""))
    follower = KINDS[PART].follower
    with counted(info.url) as asked, clock() as spent:
        follower.follow("lake", parts)
    found["follow"] = {"wall": spent["wall"], "requests": asked["n"], "cpu": spent["cpu"]}
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    iam.http.close()
    return found


def of_clients(info: Any, datasets: list[str], names: list[str]) -> dict[str, Any]:
    """Do the same with rucio-clients, in a process of their own."""
    from tests.support.peers.cache import PeerCache

    python = PeerCache("rucio").prepared / "venv" / "bin" / "python"
    with tempfile.TemporaryDirectory() as home:
        etc = Path(home) / "etc"
        etc.mkdir()
        (etc / "rucio.cfg").write_text(
            f"[client]\nrucio_host = {info.url}\nauth_host = {info.url}\n"
            "auth_type = userpass\nusername = bob\npassword = bob-secret\naccount = bob\n"
        )

        def asked(chosen: list[str]) -> dict[str, Any]:
            done = subprocess.run(
                [python, "-c", CLIENTS],
                input=json.dumps(chosen),
                env={"RUCIO_HOME": home, "HOME": home, "PATH": os.environ["PATH"]},
                capture_output=True,
                text=True,
                check=True,
            )
            return dict(json.loads(done.stdout))

        whole = asked(datasets)
        return {**asked(names), "dataset": whole["stage"]}


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
