"""`python -m esap.serve`: the whole gateway, until Ctrl-C."""

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from esap.serve import programs
from esap.serve.broker import broker, shut_down, socket_of
from esap.serve.supervisor import CannotStart, Supervisor
from esap.settings.env import Environment, read_environment


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, flush=True)  # noqa: T201


async def serve(supervisor: Supervisor, env: Environment) -> None:
    """Start everything, tell where to look, and keep it running until cancelled."""
    started = time.monotonic()
    with alone(env):
        try:
            await start(supervisor, env)
            at = f"http://localhost:{env.port}{env.sub_path}"
            say(
                f"Ready after {time.monotonic() - started:.1f} s. Ctrl-C stops it.\n"
                f"  {at}/                 start here\n"
                f"  {at}/esap-api/        the API, to browse\n"
                f"  {at}/esap-api/docs/   the API, to try out\n"
                "Warnings appear below; ESAP_LOG_LEVEL=INFO make run tells more."
            )
            await asyncio.Event().wait()
        finally:
            await supervisor.stop()
            say("Stopped; nothing is left running.")


async def start(supervisor: Supervisor, env: Environment) -> None:
    """Start the broker unless one is given, prepare the data, start what serves and works."""
    folder = env.data_dir.resolve()
    environment = programs.environment_of(os.environ, env)
    say(f"Starting the ESAP API Gateway; what it keeps is in {folder}.")
    if not os.environ.get("REDIS_URL"):
        messages = folder / "broker"
        messages.mkdir(mode=0o700, exist_ok=True)
        environment["REDIS_URL"] = f"redis+socket://{socket_of(messages)}"
        if await shut_down(messages):
            say("An earlier run left its broker behind; it is stopped.")
        await supervisor.start(broker(messages, environment))
    await supervisor.run(programs.preparation(environment))
    await supervisor.start(
        programs.gateway(env.port, environment),
        programs.events(env.events_port, environment),
    )
    await supervisor.start(programs.worker(environment), programs.clock(environment))


async def main() -> int:
    """Serve until a signal; return the exit status."""
    supervisor = Supervisor(say)
    serving = asyncio.create_task(serve(supervisor, read_environment()))
    signals: list[int] = []

    def end(number: int) -> None:
        signals.append(number)
        if len(signals) == 1:
            say("\nStopping; once more stops at once.")
            serving.cancel()
        else:
            supervisor.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        await serving
    except asyncio.CancelledError:
        return 0
    except CannotStart as error:
        say(f"The gateway cannot start: {error}")
        return 1
    return 0


@contextmanager
def alone(env: Environment) -> Iterator[None]:
    """Hold the data folder and find the ports free, or raise `CannotStart`."""
    try:
        env.data_dir.mkdir(parents=True, exist_ok=True)
        lock = (env.data_dir / "run.lock").open("w")
    except OSError as error:
        raise CannotStart(
            f"the folder {env.data_dir} cannot be written to ({error.strerror}). Choose another by "
            "ESAP_DATA_DIR, or make it yours."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"one already runs on {env.data_dir}. Stop it, or give this one a folder and ports "
                "of its own: ESAP_DATA_DIR=var2 ESAP_PORT=8010 ESAP_EVENTS_PORT=8011 make run"
            ) from None
        for name, port in {"ESAP_PORT": env.port, "ESAP_EVENTS_PORT": env.events_port}.items():
            if not programs.port_is_free(port):
                raise CannotStart(
                    f"another program listens on port {port}. Stop it, or choose another port: "
                    f"{name}={port + 10} make run"
                )
        yield


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
