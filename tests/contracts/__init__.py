"""What a kind of backend promises: suites that every one of them inherits."""

import pytest

pytest.register_assert_rewrite("tests.contracts.archive")
