"""A machine whose processes are killed, on SQLite in a file and on PostgreSQL."""

import os
import signal
import sqlite3
from contextlib import contextmanager

import django.db
import psycopg
import pytest

from tests.integration.jobs.processes import Machine
from tests.support import database
from tests.support.peers import PEERS, runs
from tests.support.waiting import wait_for


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.peer("postgres"))]
)
def vendor(request):
    return request.param


@pytest.fixture(scope="module")
def server(vendor):
    """A server of our own, because we make it crash; none for SQLite."""
    if vendor == "sqlite":
        yield None
        return
    label = f"kills-{os.getpid()}"
    try:
        yield runs.start("postgres", PEERS["postgres"], label=label, owner=os.getpid()).info.url
    finally:
        runs.stop("postgres", label)


@pytest.fixture(scope="module")
def machine(server, tmp_path_factory, django_db_setup, django_db_blocker):
    folder = tmp_path_factory.mktemp("machine")
    with django_db_blocker.unblock():
        if server is None:
            own = database.file_database(folder / "jobs.sqlite3")
        else:
            own = database.postgres_database(server, folder)
        with own as environment:
            running = Machine(folder, environment).start()
            try:
                yield running
            finally:
                running.end()


@pytest.fixture
def outage(machine, server):
    """A time in which the database takes no writes, and PostgreSQL not even connections."""
    url = machine.environment["DATABASE_URL"]

    @contextmanager
    def locked():
        holder = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        try:
            yield
        finally:
            holder.rollback()
            holder.close()

    @contextmanager
    def crashed():
        admin = f"{server.replace('postgres:', 'postgresql:')}/postgres"
        name = url.rpartition("/")[2]
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            # When one of its processes is killed, PostgreSQL ends all others and recovers.
            os.kill(connection.info.backend_pid, signal.SIGKILL)
        wait_for(lambda: _answers(admin), 30)
        try:
            yield
        finally:
            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            django.db.connection.close()  # ours is broken, too

    return locked if server is None else crashed


def _answers(server):
    try:
        psycopg.connect(server).close()
    except psycopg.OperationalError:
        return False
    return True
