"""How all tests run: what shares a worker, and how hard the property tests look."""

from pathlib import Path

import pytest

from tests.support import properties  # noqa: F401 - it loads a profile of Hypothesis

TESTS = Path(__file__).parent


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
