"""Connections that end with their scope, and reach only addresses that were checked.

The layer below `requests`: urllib3's pools and connections, with three things changed. A name is
resolved in time and its addresses are checked before one is connected to; every socket in use
is shut when its scope ends; and TLS always verifies, with one context for all that show nothing.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from os import dup
from typing import Any

from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import (
    BaseHTTPResponse,
    HTTPConnectionPool,
    HTTPResponse,
    HTTPSConnectionPool,
    PoolManager,
    Timeout,
)
from urllib3.connection import HTTPConnection, HTTPSConnection

from esap.backends.address import is_private_unicast, is_public
from esap.backends.certificates import shared_context
from esap.backends.deadline import Scope
from esap.backends.lookup import Endpoint, look_up
from esap.errors import BackendUnavailable, ForbiddenAddress

__all__ = ["Exchange", "Transport"]

CONNECT_SECONDS = 5.0
POOL_SIZE = 32


class Exchange:
    """One request and its answer: the socket they use, for as long as they use it.

    `private_hosts` are the names that may lead into a private network.
    """

    def __init__(self, title: str, scope: Scope, private_hosts: frozenset[str]) -> None:
        self.title = title
        self.scope = scope
        self.private_hosts = private_hosts
        self.reused = False
        self.resolved = True
        self._hold: _Hold | None = None

    def connect(
        self, host: str, port: int, options: list[Any] | None, *, to_proxy: bool
    ) -> socket.socket:
        """Return a socket connected to one of the host's addresses, after checking all of them."""
        found = self.resolve(host, port)
        if not to_proxy:
            self.check_addresses(host, found)
        problem: OSError | None = None
        for left, (family, address) in zip(range(len(found), 0, -1), found, strict=True):
            seconds = min(CONNECT_SECONDS, self.scope.remaining() / left)
            with ExitStack() as undo:
                sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
                undo.callback(self.release)
                try:
                    for option in options or ():
                        sock.setsockopt(*option)
                    sock.settimeout(seconds)
                    self.hold(sock)
                    sock.connect(address)
                    sock.settimeout(self.scope.remaining())
                except OSError as error:
                    problem = error
                else:
                    undo.pop_all()
                    return sock
            self.scope.check()
        what = "the outbound proxy" if to_proxy else self.title
        how = "is slow to accept" if isinstance(problem, TimeoutError) else "does not accept"
        raise BackendUnavailable(
            f"{self.title} cannot be reached: {what} {how} connections. Try again later."
        ) from problem

    def resolve(self, host: str, port: int) -> list[Endpoint]:
        """Return the addresses of a host."""
        try:
            return look_up(host, port, self.scope)
        except OSError as error:
            self.resolved = False
            raise BackendUnavailable(
                f"{self.title} cannot be reached: the name {host} does not resolve. "
                "Try again later; if it stays so, the entry or the network needs a mend."
            ) from error

    def check_addresses(self, host: str, found: list[Endpoint]) -> None:
        """Raise `ForbiddenAddress` unless every address of the host may be connected to."""
        own = host.lower().rstrip(".") in self.private_hosts
        for _, (ip, *_) in found:
            if not is_public(ip) and not (own and is_private_unicast(ip)):
                raise ForbiddenAddress(
                    f"{self.title} leads to {host}, which is not on the public internet. Where "
                    "that is right, the operator says private_network: true in an entry for it."
                )

    def hold(self, sock: socket.socket) -> None:
        """Have the socket shut when the scope ends."""
        self._hold = _Hold(sock, self.scope)

    def release(self) -> None:
        """Let go of the socket; on return the scope's end no longer touches it."""
        held, self._hold = self._hold, None
        if held is not None:
            held.release()


class _Hold:
    """A second handle on a socket, by which another thread can shut it.

    A duplicate, because the first handle may be closed at any time, and its number given to another
    file; and because TLS takes over the socket object.
    """

    def __init__(self, sock: socket.socket, scope: Scope) -> None:
        self._socket = socket.socket(fileno=dup(sock.fileno()))
        self._watch = scope.on_end(self._shut)

    def _shut(self) -> None:
        with suppress(OSError):  # the peer closed it already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def release(self) -> None:
        self._watch.stop()
        self._socket.close()


_exchange: ContextVar[Exchange] = ContextVar("exchange")


class _Connection(HTTPConnection):
    exchange: Exchange | None = None

    def _new_conn(self) -> socket.socket:
        self.exchange = _exchange.get()
        to_proxy = self.proxy is not None
        return self.exchange.connect(
            self._dns_host, self.port, self.socket_options, to_proxy=to_proxy
        )

    def request(self, *args: Any, **kwargs: Any) -> None:
        exchange = _exchange.get()
        if self.sock is not None and self.exchange is not exchange:
            self.exchange = exchange
            exchange.reused = True
            exchange.hold(self.sock)
        super().request(*args, **kwargs)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        # A peer that writes header and body apart waits, by Nagle's algorithm, until we acknowledge
        # the header, and on a connection used before, Linux delays that by 40 ms unless told.
        if isinstance(self.sock, socket.socket) and hasattr(socket, "TCP_QUICKACK"):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super().getresponse()


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def _put_conn(self, conn: Any) -> None:
        # Before another call can take the connection, this one's end must not touch it any more.
        if conn is not None and conn.exchange is not None:
            conn.exchange.release()
            conn.exchange = None
        super()._put_conn(conn)


class _TLSPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS = {"http": _Pool, "https": _TLSPool}


class Transport(HTTPAdapter):
    """The pools of one session; a `context` of its own is for the peer, not for a proxy."""

    def __init__(self, ca_bundle: str = "", context: ssl.SSLContext | None = None) -> None:
        self._to_proxy = shared_context(ca_bundle)
        self._context = context or self._to_proxy
        super().__init__(pool_maxsize=POOL_SIZE)

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002 - as requests has it
        **pool_kwargs: Any,
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(
            proxy, ssl_context=self._context, proxy_ssl_context=self._to_proxy
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def exchange(
        self, request: PreparedRequest, exchange: Exchange, proxies: Mapping[str, str]
    ) -> BaseHTTPResponse:
        """Send one request and return the answer, its body unread.

        Raises urllib3's errors, and those of `esap.errors` that tell of names and addresses.
        """
        pool: Any = self.get_connection_with_tls_context(request, verify=True, proxies=proxies)
        left = exchange.scope.remaining()
        token = _exchange.set(exchange)
        try:
            answer: BaseHTTPResponse = pool.urlopen(
                method=request.method,
                url=self.request_url(request, proxies),
                body=request.body,
                headers=request.headers,
                redirect=False,
                retries=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
                timeout=Timeout(connect=left, read=left),
                chunked=request.body is not None and "Content-Length" not in request.headers,
            )
        finally:
            _exchange.reset(token)
        return answer
