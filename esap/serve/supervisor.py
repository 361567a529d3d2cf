"""Keep several programs running together, and let none outlive the others."""

import asyncio
import time

from esap.serve.child import Child, Program, Say

__all__ = ["CannotStart", "Supervisor"]

_POLL_SECONDS = 0.05
_START_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0


class CannotStart(Exception):
    """The gateway cannot start; the sentence tells what to do."""


class Supervisor:
    """Programs that start in waves and stop in the reverse order.

    One that ends by itself is started again after a pause; the pause doubles while it keeps ending.
    """

    def __init__(self, say: Say, *, first_pause: float = 1.0) -> None:
        self._say = say
        self._first_pause = first_pause
        self._waves: list[list[Child]] = []
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self, program: Program) -> None:
        """Run a program to its end; raise `CannotStart` if it fails."""
        child = Child(program, self._say)
        self._waves.append([child])
        await child.start()
        how = await child.ended()
        if how != "exit status 0":
            raise CannotStart(f"{program.name} failed ({how}).{child.quoted()}")

    async def start(self, *programs: Program) -> None:
        """Start programs together; when this returns, all are ready, and are kept from then on."""
        wave = [Child(program, self._say) for program in programs]
        self._waves.append(wave)
        for child in wave:
            await child.start()
        for child in wave:
            await self._until_ready(child)
        self._keepers += [asyncio.create_task(self._keep(child)) for child in wave]

    async def stop(self) -> None:
        """Stop everything, the last started first; on return nothing is left."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for wave in reversed(self._waves):
            await asyncio.gather(*(child.stop() for child in wave))

    def kill(self) -> None:
        """End everything at once, for those who cannot wait for `stop`."""
        for wave in self._waves:
            for child in wave:
                child.kill()

    async def _until_ready(self, child: Child) -> None:
        answers, name = child.program.answers, child.program.name
        ended = asyncio.create_task(child.ended())
        deadline = time.monotonic() + _START_SECONDS
        try:
            while answers is not None and not await answers():
                await asyncio.wait({ended}, timeout=_POLL_SECONDS)
                if ended.done():
                    raise CannotStart(
                        f"{name} ended while starting ({ended.result()}).{child.quoted()}"
                    )
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"{name} did not answer within {_START_SECONDS:g} s.{child.quoted()}"
                    )
        finally:
            ended.cancel()

    async def _keep(self, child: Child) -> None:
        pause = self._first_pause
        while True:
            started = time.monotonic()
            how = await child.ended()
            if time.monotonic() - started > _STEADY_SECONDS:
                pause = self._first_pause
            shown = child.quoted() if child.program.silent else ""
            self._say(
                f"{child.program.name} ended ({how}); starting it again in {pause:g} s.{shown}"
            )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            await child.start()
