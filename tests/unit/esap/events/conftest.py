"""A database in a file, which the tests and the events process share."""

import threading

import pytest
import uvicorn

from esap.events import views
from esap.events.application import EventsHandler
from esap.events.feed import Feed
from esap.jobs.leases import keeper
from tests.support.database import file_database
from tests.unit.esap.events.listening import until


@pytest.fixture
def database(tmp_path, django_db_blocker):
    """Yield the environment of processes that work on the same database."""
    with django_db_blocker.unblock(), file_database(tmp_path / "esap.sqlite3") as environment:
        yield environment
        keeper.reset()  # jobs that a test leaves under way are gone with their database


@pytest.fixture
def url(database, settings, monkeypatch):
    """Serve the events in a thread of this process, so that tests can look inside."""
    settings.ROOT_URLCONF = "esap.events.urls"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "esap.events.tickets.Tickets"]
    settings.ALLOWED_HOSTS = ["127.0.0.1", "portal.example.org"]
    monkeypatch.setattr(views, "feed", Feed())
    config = uvicorn.Config(
        EventsHandler(),
        port=0,
        lifespan="off",
        ws="none",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/esap-api"
    finally:
        server.should_exit = True
        thread.join()
