"""The unprivileged account that peers run as."""

import grp
import os
import pwd
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

ROOTS_PEERS = "nobody"
"""Runs the peers where the tests run as root: PostgreSQL, for one, refuses to be root."""


@dataclass(frozen=True, slots=True)
class Account:
    """Ourselves or, when we are root, nobody."""

    name: str
    group: str
    uid: int
    gid: int

    def runs(self, on_our_death: signal.Signals) -> list[str]:
        """Give the prefix of a command that drops root and gets that signal when we end."""
        drop = []
        if os.geteuid() == 0:
            drop = [f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        signal_name = on_our_death.name.removeprefix("SIG")
        return ["setpriv", *drop, "--no-new-privs", f"--pdeathsig={signal_name}", "--"]

    def folder(self, path: Path) -> Path:
        """Make a folder that the account owns."""
        path.mkdir(parents=True, exist_ok=True)
        self.give(path)
        return path

    def give(self, path: Path) -> None:
        """Hand a file, or a folder with all in it, to the account."""
        if os.geteuid() != 0:
            return
        for each in (path, *path.rglob("*")):
            shutil.chown(each, self.uid, self.gid)


def account() -> Account:
    """Find the account that peers run as."""
    entry = pwd.getpwnam(ROOTS_PEERS) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    return Account(
        name=entry.pw_name,
        group=grp.getgrgid(entry.pw_gid).gr_name,
        uid=entry.pw_uid,
        gid=entry.pw_gid,
    )
