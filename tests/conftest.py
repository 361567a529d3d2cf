"""How all tests run: spread over the workers, and looking as hard as the profile says."""

import pytest

from tests.support import properties  # noqa: F401 - it loads a profile of Hypothesis
from tests.support.own_iam import own_iam  # noqa: F401 - a fixture
from tests.support.workers import Spread


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Spread the tests our way, where `-n` asks for workers."""
    return Spread(config, log)
