"""A way to a server that a test can close, open again at the same address, and hold answers on."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

__all__ = ["Road"]


class Road:
    """Passes bytes on between whoever comes and one server; open from the beginning."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._there = (address.hostname, address.port)
        self._port = 0
        self.answers = threading.Event()
        """While this is not set, requests arrive and their answers do not come back."""
        self.answers.set()
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections, and break those that there are."""
        self.answers.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                here, _ = listener.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            self._ends += [here, there]
            for source, target, back in ((here, there, False), (there, here, True)):
                threading.Thread(
                    target=self._pass_on, args=(source, target, back), daemon=True
                ).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, back: bool) -> None:  # noqa: FBT001
        with suppress(OSError):
            while piece := source.recv(1 << 16):
                if back:
                    self.answers.wait()
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
