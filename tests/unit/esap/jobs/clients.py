"""Callers of the API, for tests: whoever is logged in, and whoever is not."""

from typing import Any

from rest_framework.test import APIClient


def logged_in(user: Any) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client
