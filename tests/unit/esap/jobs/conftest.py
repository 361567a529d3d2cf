"""Jobs of test kinds, on SQLite and on PostgreSQL."""

import pytest

from esap.jobs import making, sweeper
from esap.jobs.leases import keeper
from tests.support.vendors import shared_database, vendors  # noqa: F401 - a fixture
from tests.unit.esap.jobs import kinds

vendor = vendors(autouse=True)


@pytest.fixture(autouse=True)
def test_kinds(settings):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.kinds.KINDS"]
    kinds.calls.clear()
    kinds.cluster.reset()


@pytest.fixture(autouse=True)
def blind_keeper(request, monkeypatch):
    """Where a test's transaction hides its jobs from other connections, nobody looks for them.

    They would be taken for lost.
    """
    marked = request.node.get_closest_marker("django_db")
    commits = marked is not None and marked.kwargs.get("transaction", False)
    if not commits and "shared_database" not in request.fixturenames:
        monkeypatch.setattr(keeper, "_look", lambda: None)


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user("bob")


@pytest.fixture
def rung(monkeypatch):
    """What was rung for, instead of being carried out; and a broker without any message."""
    found = []

    def ring(job_ids):
        found.extend(job_ids)
        return len(job_ids)

    for module in (making, sweeper):
        monkeypatch.setattr(module, "ring", ring)
    monkeypatch.setattr(sweeper, "waiting_messages", lambda: 0)
    return found
