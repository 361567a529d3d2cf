"""Jobs of test kinds, on a database in memory or in a file."""

import pytest

from tests.unit.esap.jobs import kinds


@pytest.fixture(autouse=True)
def test_kinds(settings):
    settings.JOB_KINDS = ["tests.unit.esap.jobs.kinds.KINDS"]
    kinds.calls.clear()


@pytest.fixture
def ada(django_user_model):
    return django_user_model.objects.create_user("ada")


@pytest.fixture
def bob(django_user_model):
    return django_user_model.objects.create_user("bob")
