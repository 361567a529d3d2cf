"""A gateway process for tests: it does what the lines on its standard input say.

submit <kind> <seconds> [peer]     prints the id of the job
die <kind> <seconds>               commits the job, and is killed before it rings for it
ring <id> <times>                  delivers the message about a job so many times
"""

# ruff: noqa: T201 - what it prints is its answer
import os
import signal
import sys
from uuid import UUID

import django

django.setup()

from django.db import close_old_connections  # noqa: E402 - after the setup

from esap.jobs import making, services  # noqa: E402
from esap.jobs.doorbell import ring  # noqa: E402


def die(_job_ids: object) -> int:
    """Be killed outright."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


print("ready", flush=True)
for line in sys.stdin:
    close_old_connections()  # as at the beginning of each request
    command, *words = line.split()
    if command == "ring":
        print(ring([UUID(words[0])] * int(words[1])), flush=True)
        continue
    kind, seconds, *peer = words
    if command == "die":
        making.ring = die
    job = services.submit(kind, {"seconds": float(seconds)}, peer="".join(peer))
    print(job.pk, flush=True)
