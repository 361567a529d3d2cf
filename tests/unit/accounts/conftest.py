"""Users of the tests, and clients of theirs."""

import pytest
from rest_framework.test import APIClient

from tests.support.vendors import shared_database, vendors  # noqa: F401 - a fixture

vendor = vendors()  # for the modules that ask for it: `pytest.mark.usefixtures("vendor")`


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user(
        "ada", issuer="https://login.example.org/", subject="ada-1", email="ada@example.org"
    )


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user(
        "bob", issuer="https://login.example.org/", subject="bob-1", email="bob@example.org"
    )


@pytest.fixture
def as_user():
    """Return a function that makes a client of a user: in a session, or with a credential."""

    def client_of(user, credential=None):
        client = APIClient()
        if credential is None:
            client.force_login(user, "django.contrib.auth.backends.ModelBackend")
        else:
            client.force_authenticate(user, credential)
        return client

    return client_of
