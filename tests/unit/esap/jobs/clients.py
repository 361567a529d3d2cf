"""Callers of the API, for tests: whoever is logged in, and whoever is not."""

from typing import Any

import pytest
from rest_framework.test import APIClient


def logged_in(user: Any) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture(scope="module", autouse=True, name="vendor")
def on_sqlite() -> str:
    """For modules about answers: what they ask of a database, other modules ask of both."""
    return "sqlite"
