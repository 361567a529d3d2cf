"""The server to which mail is given, and its password."""

from typing import Any
from urllib.parse import unquote, urlsplit

from esap.settings.env import Environment

__all__ = ["mail_server"]

_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_SECONDS = 10


def mail_server(env: Environment) -> dict[str, Any]:
    """Return what Django's connection to a mail server takes; nothing if no mail is sent."""
    if not env.email_url:
        return {}
    server = urlsplit(env.email_url)
    password = env.email_password_file
    return {
        "host": server.hostname,
        "port": server.port or _PORTS[server.scheme],
        "use_tls": server.scheme == "smtp+starttls",
        "use_ssl": server.scheme == "smtps",
        "username": unquote(server.username or ""),
        "password": password.read_text(encoding="utf-8").strip() if password else "",
        "timeout": _SECONDS,
    }
