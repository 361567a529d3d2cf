"""A lake that is only memory, and a user of it."""

import pytest

from accounts.models import User
from rucio_app.services import making
from tests.unit.rucio_app.memory import Memory


@pytest.fixture
def lake(monkeypatch):
    lake = Memory()
    monkeypatch.setattr(making, "lake_for", lambda user, peer: lake)
    monkeypatch.setattr(making, "as_user", lambda lake, user, question: question("user"))
    return lake


@pytest.fixture
def alice():
    return User.objects.create(username="alice")
