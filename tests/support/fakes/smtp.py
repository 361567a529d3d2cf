"""A mail server on loopback, which keeps what it is given; or refuses it, or hangs."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

__all__ = ["MailServer", "hanging_server", "mail_server"]


class MailServer:
    """Takes mail; `answers` are what it says instead to the next messages or recipients."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.answers_to_recipient: list[str] = []
        self.answers_to_message: list[str] = []
        self.taken: list[tuple[list[str], EmailMessage]] = []

    async def handle_EHLO(  # noqa: N802 - aiosmtpd names it
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.answers_to_recipient:
            return self.answers_to_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers_to_message:
            return self.answers_to_message.pop(0)
        message = message_from_bytes(envelope.content, EmailMessage, policy=policy.default)
        self.taken.append((list(envelope.rcpt_tos), message))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a real mail server in a thread."""
    server = MailServer()
    controller = Controller(server, hostname="127.0.0.1", port=_free_port())
    controller.start()
    try:
        server.port = controller.port
        yield server
    finally:
        controller.stop()


@contextmanager
def hanging_server() -> Iterator[int]:
    """Accept connections and say nothing; yield the port."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    held.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
