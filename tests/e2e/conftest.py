"""Places to run the gateway in."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="session")
def loopback_only():
    """A network with loopback and nothing else: what to put before a command to run it there.

    Empty where the machine lets us make none.
    """
    root = os.geteuid() == 0
    leave = ["--net"] if root else ["--user", "--map-root-user", "--net"]
    enter = ["--net"] if root else ["--user", "--preserve-credentials", "--net"]
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip")):
        yield []
        return
    up = "ip link set lo up && echo up && exec sleep 3600"
    holder = subprocess.Popen(
        ["unshare", *leave, "sh", "-c", up], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        made = holder.stdout.readline() == b"up\n"
        yield ["nsenter", "--target", str(holder.pid), *enter] if made else []
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
