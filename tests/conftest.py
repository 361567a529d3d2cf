"""How all tests run: what shares a worker, and how hard the property tests look."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

# The same examples at every run, so that a change is judged by what it changes. `thorough` looks
# for new ones: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("quick", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what must not run at once, where `--dist loadgroup` spreads the tests.

    A file shares its fixtures. What starts a whole gateway, or asks the real peers, needs the
    machine's time to itself, as far as it can be had.
    """
    for item in items:
        part, *_ = item.path.relative_to(TESTS).parts
        group = "whole" if part in {"e2e", "integration"} else str(item.path.relative_to(TESTS))
        item.add_marker(pytest.mark.xdist_group(group))
