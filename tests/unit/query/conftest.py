"""What all tests of the query room have in common."""

import pytest

from esap.backends import retries


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch):
    """Retries wait a moment only; tests of the outbound HTTP see to it that they wait longer."""
    monkeypatch.setattr(retries, "_FIRST_PAUSE", 0.01)
