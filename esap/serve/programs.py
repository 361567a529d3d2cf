"""The programs that make up the gateway on one machine, and how each is started."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from functools import partial

from esap.serve.child import Program
from esap.settings.env import BASE_DIR, Environment

__all__ = ["clock", "environment_of", "events", "gateway", "port_is_free", "preparation", "worker"]

_HOST = "127.0.0.1"
_ANSWER_SECONDS = 5.0
# A Ctrl-C should not wait for the searches and event streams of the moment.
_GRACE_SECONDS = 3


def environment_of(given: Mapping[str, str], env: Environment) -> dict[str, str]:
    """Return what the programs find in their environment: what was given, and what we choose."""
    return {
        "DJANGO_SETTINGS_MODULE": "esap.settings.dev",
        "ESAP_EVENTS_URL": f"http://localhost:{env.events_port}",
        "ESAP_LOG_LEVEL": "WARNING",
        **given,
        "ESAP_DATA_DIR": str(env.data_dir.resolve()),
        "PYTHONUNBUFFERED": "1",
    }


def preparation(environment: Mapping[str, str]) -> Program:
    """Return what must end well before the others start."""
    return _python("prepare", "esap.serve.prepare", environment=environment)


def gateway(port: int, environment: Mapping[str, str]) -> Program:
    """Return the API: gunicorn with one process of many threads."""
    return _python(
        *("gateway", "gunicorn", "esap.wsgi:application"),
        *("--config", f"{BASE_DIR}/deploy/gunicorn.conf.py"),
        *("--bind", f"{_HOST}:{port}", "--graceful-timeout", str(_GRACE_SECONDS)),
        environment=environment,
        port=port,
    )


def events(port: int, environment: Mapping[str, str]) -> Program:
    """Return the process that holds event streams."""
    return _python(
        *("events", "esap.events", "--host", _HOST, "--port", str(port)),
        *("--grace", str(_GRACE_SECONDS)),
        environment={**environment, "ESAP_PROCESS": "events"},
        port=port,
    )


def worker(environment: Mapping[str, str]) -> Program:
    """Return the worker, which carries out jobs."""
    return _python(
        *("worker", "celery", "--app", "esap.celery", "--quiet", "worker"),
        *("--concurrency", "2", "--without-gossip", "--without-mingle"),
        *("--loglevel", environment["ESAP_LOG_LEVEL"]),
        environment={
            # Whoever runs the gateway as root knows.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            **environment,
            # At SIGTERM it gives its jobs back to the queue instead of waiting for them.
            "REMAP_SIGTERM": "SIGQUIT",
            "ESAP_PROCESS": "worker",
        },
    )


def clock(environment: Mapping[str, str]) -> Program:
    """Return what does the periodic work, apart from the worker, which may be busy for long."""
    return _python("clock", "esap.clock", environment={**environment, "ESAP_PROCESS": "clock"})


def port_is_free(port: int) -> bool:
    """Tell whether a server of ours could listen on the port now."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_HOST, port))
        except OSError:
            return False
    return True


def _python(
    name: str,
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    port: int | None = None,
) -> Program:
    return Program(
        name=name,
        command=[sys.executable, "-m", module, *arguments],
        environment=environment,
        answers=partial(_answers, port) if port else None,
    )


async def _answers(port: int) -> bool:
    """Tell whether HTTP is spoken there; which status it answers does not matter."""
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(_HOST, port)
            try:
                writer.write(b"GET /esap-api/health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return (await reader.read(5)) == b"HTTP/"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
