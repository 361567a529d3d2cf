"""A peer on loopback that does what no real one can be made to do: hang, drip, truncate, lie.

    with FakePeer(drip(b"x", every=0.1)) as peer:
        session.get(peer.url)

A script is called with each request that is heard, and yields what to send (bytes), how long to
wait (seconds), or `CLOSE`. When it ends, the connection waits for the next request.
"""

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLOSE = "close"
FOREVER = 3600.0

Step = bytes | float | str


@dataclass
class Heard:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    shown: str = ""
    """The common name in the certificate that the client showed."""


Script = Callable[[Heard], Iterable[Step]]


@dataclass
class FakePeer:
    """Serves a script until the block ends; keeps what it heard."""

    script: Script
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    gone: int = 0  # connections that the client closed

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/"

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._start(self._serve, connection, self.connections)

    def _serve(self, raw: socket.socket, number: int) -> None:
        connection = raw
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(raw, server_side=True)
                self._open.add(connection)
            with connection.makefile("rb") as stream:
                while (heard := _hear(stream, number)) is not None:
                    heard.shown = _common_name(connection)
                    self.heard.append(heard)
                    for step in self.script(heard):
                        if not self._do(step, connection):
                            return
                self.gone += 1
        except (OSError, ValueError):
            self.gone += 1
        finally:
            self._open -= {connection, raw}
            connection.close()
            raw.close()

    def _do(self, step: Step, connection: socket.socket) -> bool:
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, float | int):
            self._over.wait(step)
        return step != CLOSE and not self._over.is_set()


class FakeProxy(FakePeer):
    """A forward proxy (RFC 9110, section 9.3.6, CONNECT); other methods go to its script."""

    def _do(self, step: Step, connection: socket.socket) -> bool:
        heard = self.heard[-1]
        if heard.method != "CONNECT" or step != CLOSE:
            return super()._do(step, connection)
        host, _, port = heard.target.rpartition(":")
        there = socket.create_connection((host, int(port)))
        self._open.add(there)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._start(_pump, there, connection)
        _pump(connection, there)
        with suppress(OSError):  # closing alone would not wake the other thread
            there.shutdown(socket.SHUT_RDWR)
        there.close()
        return False


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def _common_name(connection: socket.socket) -> str:
    shown = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    named = dict(pair for part in (shown or {}).get("subject", ()) for pair in part)
    return named.get("commonName", "")


def _hear(stream, number: int) -> Heard | None:
    line = stream.readline().decode("latin-1").strip()
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers = {}
    while header := stream.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Heard(method, target, headers, body, number)


def message(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer in full; `Content_Length=""` leaves that header out."""
    headers = {"Content_Length": str(len(body)), **headers}
    lines = [f"{k.replace('_', '-')}: {v}" for k, v in headers.items() if v]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> Script:
    """Answer every request like this."""
    return lambda heard: [message(body, status, **headers)]


def answers(*scripts: Script) -> Script:
    """Answer the first request by the first script, and so on; the last one stays."""
    left = list(scripts)

    def script(heard: Heard) -> Iterable[Step]:
        turn = left.pop(0) if len(left) > 1 else left[0]
        return turn(heard)

    return script


def by_path(**scripts: Script) -> Script:
    """Answer by the first part of the path; `root` answers all others."""
    return lambda heard: scripts.get(
        heard.target.strip("/").split("/")[0].split("?")[0], scripts.get("root", answer())
    )(heard)


def black_hole(heard: Heard) -> Iterator[Step]:
    """Take the request and never answer."""
    yield FOREVER


def drip(piece: bytes = b"x", *, every: float = 0.05, headers: bool = False) -> Script:
    """Send a body, or a header, piece by piece without end: no socket timeout sees it."""

    def script(heard: Heard) -> Iterator[Step]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"
        yield b"X-Drip: " if headers else b"\r\n"
        while True:
            yield piece
            yield every

    return script


def truncated(body: bytes, *, says: int) -> Script:
    """Promise so many bytes, send fewer, and hang up."""
    return lambda heard: [message(body, Content_Length=str(says)), CLOSE]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n", **headers: str) -> Script:
    """Send a chunked body; with another `end`, one that is broken."""
    head = message(Content_Length="", Transfer_Encoding="chunked", **headers)
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return lambda heard: [head + body + end, CLOSE]


def bomb(megabytes: int) -> Script:
    """Send zeros, compressed about 1000 times."""
    packed = gzip.compress(bytes(1 << 20), 9) * megabytes
    return lambda heard: [message(packed, Content_Encoding="gzip")]


def redirect(to: str, status: str = "302 Found") -> Script:
    """Send the client elsewhere."""
    return answer(status=status, Location=to)


def hang_up(heard: Heard) -> list[Step]:
    """Close the connection without an answer."""
    return [CLOSE]


def certificate(folder: Path, *names: str) -> tuple[ssl.SSLContext, Path]:
    """Return a server's TLS context for these names, and the file of the authority to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "ca.pem", folder / "key.pem"
    public.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context, public


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
