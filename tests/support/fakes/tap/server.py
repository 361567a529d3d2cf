"""The fake archive's HTTP side: one event loop in a thread, any number of archives by path."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from tests.support.fakes.tap import service
from tests.support.fakes.tap.behaviour import DELIVERY, Behaviour
from tests.support.fakes.tap.jobs import Jobs
from tests.support.fakes.tap.messages import Reply, Request
from tests.support.fakes.tap.sky import Sky
from tests.support.fakes.tap.votable import votable

_REASONS = {200: "OK", 303: "See Other", 400: "Bad Request", 404: "Not Found"}


class FakeTap:
    """`requests` are all that came; `hung_up` counts clients that left before the answer's end."""

    def __init__(self, *, latency: float = 0.0, stars: int = 300, port: int = 0) -> None:
        self.requests: list[Request] = []
        self.hung_up = 0
        self.open_connections = 0
        self.jobs = Jobs()
        self.sky = Sky(stars)
        self.ask = lru_cache(maxsize=256)(self.sky.ask)
        self.write = lru_cache(maxsize=256)(self._write)  # under load, it should be the lighter end
        self._latency = latency
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-tap")

    def __enter__(self) -> Self:
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        self.port = started.result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.sky.close()

    def url(self, mode: str = "ok", **options: object) -> str:
        """Return the address of an archive that behaves like this."""
        words = ",".join([mode, *(f"{name}={value}" for name, value in options.items())])
        return f"http://127.0.0.1:{self.port}/{words}/tap"

    def asked(self, path: str) -> list[Request]:
        """Return the requests for a path below any archive's address."""
        return [request for request in self.requests if request.path == path]

    def is_let_go(self) -> bool:
        """Whether no job is left here, and nobody is still deleting one."""
        deleting = any(thread.name == "uws-destroy" for thread in threading.enumerate())
        return not self.jobs and not deleting

    def faints(self, request: Request, behaviour: Behaviour) -> bool:
        """Whether this request is one of the first few that fail."""
        if not behaviour.faint:
            return False
        alike = [r for r in self.asked(request.path) if r.archive == request.archive]
        return len(alike) <= behaviour.faint

    def _write(self, adql: str, maxrec: int, serialization: str) -> bytes:
        return votable(self.ask(adql, maxrec), serialization)

    async def _start(self) -> int:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, backlog=1024
        )
        return self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not mine]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections += 1
        try:
            async for request in _requests(reader):
                self.requests.append(request)
                behaviour = Behaviour.parse(request.archive)
                await asyncio.sleep(behaviour.latency or self._latency)
                reply = await service.answer(self, request, behaviour)
                delivery = behaviour.mode if behaviour.mode in DELIVERY else ""
                if not await self._send(reader, writer, reply, delivery, behaviour.pause):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up += 1
        except asyncio.CancelledError:
            pass  # The fake is closed, and asyncio would complain of a task that did not finish.
        finally:
            self.open_connections -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _send(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        reply: Reply,
        delivery: str,
        pause: float,
    ) -> bool:
        """Send a reply in its manner; return whether the connection can be used again."""
        half = reply.body[: len(reply.body) // 2]
        if delivery == "drip":
            writer.write(_head(reply))
            await self._drip(reader, writer, reply.body, pause)
            return True
        writer.write(
            {
                "hang": b"",
                "reset": b"",
                "stall": _head(reply) + half,
                "truncate": _head(reply) + half,
                "chunk-truncate": _head(reply, chunked=True) + _chunk(half),
                "long-length": _head(reply, length=len(reply.body) + 1000) + reply.body,
                "short-length": _head(reply, length=len(half)) + reply.body,
            }.get(delivery, _head(reply) + reply.body)
        )
        await writer.drain()
        if delivery in {"hang", "stall", "long-length"}:
            await self._until_hung_up(reader)
        return not delivery

    async def _drip(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes, pause: float
    ) -> None:
        for byte in body:
            if reader.at_eof():
                raise ConnectionResetError
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause)

    async def _until_hung_up(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(1024):
            pass
        self.hung_up += 1


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Request]:
    while line := await reader.readline():
        method, target, _ = line.decode().split()
        headers = {}
        while (header := (await reader.readline()).decode().strip()) != "":
            name, value = header.split(":", 1)
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        parts = urlsplit(target)
        _, archive, _, *rest = parts.path.split("/")
        params = {
            name.upper(): value for name, value in parse_qsl(parts.query) + parse_qsl(body.decode())
        }
        yield Request(method, archive, "/" + "/".join(rest), params, headers)


def _head(reply: Reply, *, length: int | None = None, chunked: bool = False) -> bytes:
    size = len(reply.body) if length is None else length
    lines = [
        f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Whatever')}",
        f"Content-Type: {reply.content_type}",
        "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)
