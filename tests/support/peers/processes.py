"""Child processes that never outlive the one who started them."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.peers.account import Account

COOKIE = "ESAP_PEER_FOLDER"
"""Environment variable by which the processes of a folder are found again, whoever their parent."""

_LOG_TAIL = 2000


class PeerFailed(Exception):
    """A peer could not be prepared or started; the text says what it printed."""


class Processes:
    """The processes that belong to one folder.

    Each runs as the account of the peers, and the kernel ends it when the thread that started it
    ends. A child's own children are found by the cookie in their environment.
    """

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.account = account
        self._spawned: list[tuple[subprocess.Popen[bytes], Path, signal.Signals]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def run(
        self,
        *argv: str | Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        text: str = "",
        within: float = 300,
    ) -> str:
        """Run a command to its end and return what it printed; raise `PeerFailed` if it failed."""
        done = subprocess.run(
            self._command(argv, signal.SIGKILL),
            env=self._environment(env),
            cwd=cwd or self.folder,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=within,
            check=False,
        )
        if done.returncode:
            command = " ".join(map(str, argv))
            raise PeerFailed(f"`{command}` failed:\n{done.stdout[-_LOG_TAIL:]}")
        return done.stdout

    def spawn(
        self,
        *argv: str | Path,
        log: str,
        stop: signal.Signals = signal.SIGTERM,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start a server that runs until the end; `stop` is the signal it ends on."""
        path = self.folder / log
        with path.open("ab") as output:
            child = subprocess.Popen(
                self._command(argv, stop),
                env=self._environment(env),
                cwd=cwd or self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self._spawned.append((child, path, stop))

    def wait_until(self, ready: Callable[[], bool], *, what: str, within: float = 60) -> None:
        """Poll until `ready`; raise `PeerFailed` when a server ends or the time is over."""
        end = time.monotonic() + within
        while not ready():
            self.check()
            if time.monotonic() > end:
                raise PeerFailed(f"{what} was not ready within {within:.0f} s.{self._tails()}")
            time.sleep(0.02)

    def check(self) -> None:
        """Raise `PeerFailed` if one of the servers has ended."""
        for child, path, _ in self._spawned:
            if (code := child.poll()) is not None:
                raise PeerFailed(f"{path.stem} ended with code {code}.{self._tails()}")

    def end(self, grace: float = 5) -> None:
        """End all processes, the youngest first, and those they left behind."""
        for child, _, stop in reversed(self._spawned):
            child.send_signal(stop)
            try:
                child.wait(grace)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._spawned.clear()
        end_strays(self.folder)

    def _command(self, argv: Sequence[str | Path], on_our_death: signal.Signals) -> list[str]:
        return [*self.account.runs(on_our_death), *map(str, argv)]

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            COOKIE: str(self.folder),
            **(extra or {}),
        }

    def _tails(self) -> str:
        return "".join(
            f"\n--- {path.name}\n{path.read_text(errors='replace')[-_LOG_TAIL:]}"
            for _, path, _ in self._spawned
        )


def end_strays(folder: Path) -> None:
    """Kill every process that carries the folder's cookie.

    Twice none has to be found: a process shows no environment while it turns into another program.
    """
    clear, end = 0, time.monotonic() + 5
    while clear < 2 and time.monotonic() < end:  # noqa: PLR2004 - as the docstring says
        strays = carriers(folder)
        clear = 0 if strays else clear + 1
        for pid in strays:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def carriers(folder: Path) -> list[int]:
    """List the processes that belong to a folder, whoever their parents are."""
    cookie = f"{COOKIE}={folder}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            carries = cookie in (entry / "environ").read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        if carries:
            found.append(int(entry.name))
    return found


def copy_tree(source: Path, target: Path) -> None:
    """Copy with owners and times, sharing blocks where the file system can."""
    cp = shutil.which("cp") or "/bin/cp"
    subprocess.run([cp, "-a", "--reflink=auto", source, target], check=True)
