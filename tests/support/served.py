"""A gateway that clients reach over HTTP, with a worker, both in threads of the tests."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import requests
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client, override_settings
from django.test.testcases import LiveServerThread

from esap.jobs import doorbell
from esap.jobs.runner import carry_out
from tests.support.database import file_database
from tests.support.entries import write_entries

__all__ = ["Served", "served"]

CSRF = "c" * 32

Application = Callable[[dict[str, Any], Any], Any]


@dataclass(frozen=True)
class Served:
    """A gateway: its address, sessions of nobody and of Ada, who is logged in, and hers alone.

    At that address, a proxy adds her login to what programs send that cannot send one.
    """

    url: str
    nobody: requests.Session
    ada: requests.Session
    adas_url: str


@contextmanager
def served(folder: Path, archives: list[dict[str, Any]]) -> Iterator[Served]:
    """Serve a gateway with these archives on a database of its own; the test unblocks it."""
    results = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": folder / "results"},
    }
    own = override_settings(
        ENTRY_FILES=write_entries(folder, archives),
        STORAGES={**settings.STORAGES, "results": results},
        SCRATCH_DIR=folder / "scratch",
    )
    with own, ExitStack() as running:
        running.enter_context(file_database(folder / "esap.sqlite3"))
        running.enter_context(_worker())
        cookies = _login()
        nobody, ada = (running.enter_context(requests.Session()) for _ in range(2))
        ada.cookies.update(cookies)
        ada.headers["X-CSRFToken"] = CSRF
        url = running.enter_context(_server(lambda gateway: gateway))
        adas_url = running.enter_context(_server(lambda gateway: _as_ada(gateway, cookies)))
        yield Served(url, nobody, ada, adas_url)


def _login() -> dict[str, str]:
    client = Client()
    client.force_login(get_user_model().objects.create_user("ada"))
    name = settings.SESSION_COOKIE_NAME
    return {name: client.cookies[name].value, settings.CSRF_COOKIE_NAME: CSRF}


def _as_ada(gateway: Application, cookies: dict[str, str]) -> Application:
    pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())

    def proxy(environ: dict[str, Any], start_response: Any) -> Any:
        known = {**environ, "HTTP_COOKIE": pairs, "HTTP_X_CSRFTOKEN": CSRF}
        return gateway(known, start_response)

    return proxy


@contextmanager
def _server(wrapped: Callable[[Application], Application]) -> Iterator[str]:
    server = LiveServerThread("127.0.0.1", wrapped)
    server.start()
    server.is_ready.wait()
    assert server.error is None
    try:
        yield f"http://127.0.0.1:{server.port}/esap-api"
    finally:
        server.terminate()


@contextmanager
def _worker() -> Iterator[None]:
    """Carry out what the doorbell rings for, one job after another."""
    rung: queue.Queue[str | None] = queue.Queue()

    def work() -> None:
        while (job_id := rung.get()) is not None:
            carry_out(UUID(job_id))
        connections.close_all()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doorbell.run, "apply_async", lambda args, **_: rung.put(args[0]))
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        try:
            yield
        finally:
            rung.put(None)
            thread.join()
