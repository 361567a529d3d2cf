"""Jobs: small ones through a real worker, each rung for twice; and a thousand who listen.

On SQLite and on PostgreSQL, each in a process of its own, with the embedded Valkey, a worker of two
processes, the clock and the events process. Ends with an error if a promise is broken: a job lost
or carried out twice, or a listener who vanished and is not let go of within a minute.

python -m benchmarks.jobs [--quick]
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.auth import postgresql
from benchmarks.listening import Listening
from benchmarks.support import cpu_seconds, keep, set_up_django, table
from tests.integration.jobs.processes import Machine

JOBS, LISTENERS, EVENTS = 10_000, 1_000, 1_000
QUICK = 20
"""A quick run has so many times fewer of each."""

PROCESSES = 2
PATIENCE = 1_800.0
MOST_MB = 20
USUAL = {"ESAP_LEASE_SECONDS": "20", "ESAP_SWEEP_SECONDS": "5", "ESAP_LOG_LEVEL": "ERROR"}


def main() -> None:
    """Measure on both databases, and print."""
    fewer = QUICK if "--quick" in sys.argv else 1
    if "--database" in sys.argv:
        print(json.dumps(measure(sys.argv[-1], fewer)))
        return
    found = {"SQLite": in_process("")}
    with postgresql() as url:
        found["PostgreSQL"] = in_process(url)
    show(found)
    broken = [f"{name}: {what}" for name, one in found.items() for what in broken_promises(one)]
    if broken:
        sys.exit("\n".join(broken))
    if fewer == 1:
        keep("jobs", found)


def in_process(database: str) -> dict[str, Any]:
    """Measure in a process of its own: Django is set up for one database."""
    quick = ["--quick"] if "--quick" in sys.argv else []
    command = [sys.executable, "-m", "benchmarks.jobs", *quick, "--database", database]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(database: str, fewer: int) -> dict[str, Any]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="esap-jobs-") as name:
        folder = Path(name)
        chosen = {"DATABASE_URL": database} if database else {}
        machine = Machine(folder, {**os.environ, "ESAP_DATA_DIR": name, **chosen})
        machine.environment.update(USUAL)
        migrate = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(migrate, env=machine.environment, check=True)
        set_up_django(**machine.environment)
        try:
            carried_out = carry_out(machine, JOBS // fewer)
            with Listening(machine, LISTENERS // fewer) as listening:
                return {**carried_out, **listening.measure(EVENTS // fewer)}
        finally:
            machine.end()


def carry_out(machine: Machine, count: int) -> dict[str, Any]:
    """Have a worker carry out so many jobs, of each of which it is told twice."""
    from esap.jobs import services
    from esap.jobs.doorbell import ring

    machine.start_broker()
    few = count // 10
    began = time.perf_counter()
    ids = [services.submit("kill.again", {"seconds": 0}).pk for _ in range(few)]
    submitted = time.perf_counter() - began
    others = written_down(count - few)
    assert ring([*ids, *others, *others]) == few + 2 * len(others)
    ids += others
    machine.worker.start()
    machine.clock.start()
    ended = until(lambda: completed() == count, machine)
    until(lambda: machine.queue_length() == 0, machine)  # the second messages, too
    cpu = cpu_seconds(machine.worker.process.pid)
    machine.worker.stop()
    begun, done = machine.executions()
    seconds = took() if ended else PATIENCE
    return {
        "jobs": count,
        "processes": PROCESSES,
        "submitted_per_s": round(few / submitted, 1),
        "jobs_per_s": round(count / seconds, 1),
        "worker_cpu_ms": round(1000 * cpu / count, 2),
        "lost": count - completed(),
        "twice": sum(max(begun[str(pk)], done[str(pk)]) > 1 for pk in ids),
    }


def written_down(count: int) -> list[UUID]:
    """Make queued jobs all at once, as `submit` makes them one by one; return their ids."""
    from esap.jobs.models import Job
    from esap.jobs.rows import in_seconds

    made = Job.objects.bulk_create(
        Job(kind="kill.again", parameters={"seconds": 0}, phase="QUEUED", due=in_seconds(10.0))
        for _ in range(count)
    )
    return [job.pk for job in made]


def until(claim: Callable[[], bool], machine: Machine) -> bool:
    """Look once a second, which takes nothing from the worker; return whether it became true."""
    ends = time.monotonic() + PATIENCE
    while not claim():
        if time.monotonic() > ends or machine.worker.process.poll() is not None:
            return False
        time.sleep(1.0)
    return True


def completed() -> int:
    from esap.jobs.models import Job

    return Job.objects.filter(kind="kill.again", phase="COMPLETED").count()


def took() -> float:
    """Return the seconds from the first beginning to the last end."""
    from django.db.models import Max, Min

    from esap.jobs.models import Job

    times = Job.objects.filter(kind="kill.again").aggregate(first=Min("started"), last=Max("ended"))
    return float((times["last"] - times["first"]).total_seconds())


def broken_promises(one: dict[str, Any]) -> list[str]:
    """Return what was promised and is not so, in sentences."""
    claims = {
        f"{one['lost']} jobs were lost": one["lost"] == 0,
        f"{one['twice']} jobs were carried out twice": one["twice"] == 0,
        f"{one['unheard']} events were not heard": one["unheard"] == 0,
        f"{one['left_open']} descriptors of those who vanished are open": one["left_open"] <= 0,
        f"{one['never_closed']} descriptors stay open": one["never_closed"] <= 0,
        f"{one['kept_mb']} MB are kept": one["kept_mb"] <= MOST_MB,
    }
    return [what for what, holds in claims.items() if not holds]


def show(found: dict[str, dict[str, Any]]) -> None:
    table(
        ["database", "jobs", "submitted/s", "jobs/s", "of each process", "CPU ms a job", "lost",
         "twice"],
        [
            [
                name,
                one["jobs"],
                one["submitted_per_s"],
                one["jobs_per_s"],
                one["jobs_per_s"] / one["processes"],
                one["worker_cpu_ms"],
                one["lost"],
                one["twice"],
            ]
            for name, one in found.items()
        ],
    )  # fmt: skip
    print()
    table(
        ["database", "listeners", "events", "p50 ms", "p99 ms", "vanished", "let go s", "MB kept"],
        [
            [
                name,
                one["listeners"],
                one["events"],
                one["p50_ms"],
                one["p99_ms"],
                one["vanished"],
                one["let_go_s"],
                one["kept_mb"],
            ]
            for name, one in found.items()
        ],
    )


if __name__ == "__main__":
    main()
