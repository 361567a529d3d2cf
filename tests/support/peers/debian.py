"""Packages of a Debian system, for peers that need them."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path


def installed(package: str) -> str | None:
    """Give the version of an installed package, or None."""
    if shutil.which("dpkg-query") is None:
        return None
    answer = subprocess.run(
        ["dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    status, _, version = answer.stdout.partition(" ")
    return version if status == "installed" else None


def files(package: str) -> list[Path]:
    """List the files of an installed package."""
    answer = subprocess.run(
        ["dpkg-query", "-L", package], capture_output=True, text=True, check=True
    )
    return [Path(line) for line in answer.stdout.splitlines()]


def missing(packages: Iterable[str]) -> list[str]:
    """List the packages that are not installed."""
    return [package for package in packages if installed(package) is None]


def install(packages: list[str]) -> None:
    """Install packages without their recommendations, asking nothing."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(
        [
            "apt-get",
            "install",
            "-q",
            "-y",
            "-o",
            "Dpkg::Use-Pty=0",
            "--no-install-recommends",
            *packages,
        ],
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
