"""One program that the supervisor keeps: started, read, stopped."""

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Child", "Program", "Say"]

Say = Callable[[str], None]

_BOUND = str(Path(__file__).with_name("bound.py"))
_LINE_BYTES = 1 << 16
_LINES_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command to keep running.

    `answers` tells whether it is ready to be used; without it, a program is ready once started.
    What a `silent` one says is shown only when it fails. `grace` is how many seconds it has to end
    by itself after SIGTERM.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], Awaitable[bool]] | None = None
    silent: bool = False
    grace: float = 10.0


class Child:
    """A program as it runs, in a process group of its own, so that Ctrl-C reaches only us."""

    def __init__(self, program: Program, say: Say) -> None:
        self.program = program
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._say = say
        self._silent = program.silent
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the program; it ends with this process, even when this process is killed."""
        self._last_lines.clear()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _BOUND, str(os.getpid())),
            *self.program.command,
            env=dict(self.program.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read(self._process.stdout))

    async def ended(self) -> str:
        """Wait for the end, sweep up what the program left behind, and say how it ended."""
        if self._process is None or self._reader is None:
            return "not started"
        code = await self._process.wait()
        self.kill()
        await asyncio.wait({self._reader})
        return _how(code)

    async def stop(self) -> None:
        """End the program, by force when its grace is over; nothing of it is left on return.

        What it says while it ends is shown only if it had to be forced.
        """
        if self._process is None:
            return
        self._silent = True
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(self.program.grace):
                await self._process.wait()
        except TimeoutError:
            self._say(f"{self.program.name} did not end by itself.{self.quoted()}")
        self.kill()
        await self.ended()

    def kill(self) -> None:
        """End the program and all that it started, at once."""
        if self._process is not None:
            # The leader's id stays the group's as long as anyone is in it. macOS answers
            # PermissionError when only a zombie is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def quoted(self) -> str:
        """Return its last words, to follow a sentence, unless they are on the screen already."""
        return "".join(f"\n    {line}" for line in self._last_lines) if self._silent else ""

    async def _read(self, output: asyncio.StreamReader | None) -> None:
        begun = b""
        while output is not None and (chunk := await output.read(_LINE_BYTES)):
            *lines, begun = (begun + chunk).split(b"\n")
            if len(begun) > _LINE_BYTES:
                lines, begun = [*lines, begun], b""
            for line in lines:
                self._line(line)
        if begun:
            self._line(begun)

    def _line(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._last_lines.append(text)
        if not self._silent:
            self._say(f"{self.program.name:>8} | {text}")


def _how(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"ended by {signal.Signals(-code).name}"
